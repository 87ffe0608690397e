"""What a mesh of several primaries and networks promises, by istiod, by certificates and by Envoy's own counters."""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from fleet.mesh.values import CROSS_NETWORK_PORT, EAST_WEST_LABELS
from fleet.naming import HELLO, HELLO_PORT, ISTIO_NAMESPACE, SLEEP, WORKLOAD_NAMESPACE
from operations.claims import NO_ANSWER, Claim, region
from sandbox.clusters.host.subprocesses import CommandError, inside, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sandbox.clusters.host.layout import Layout
    from sandbox.verify.member import Member, View

CALLER: Final = f"deployment/{SLEEP}"
EAST_WEST_GATEWAY: Final = EAST_WEST_LABELS["app"]
_HEALTHY: Final = 1
"""Istio's HealthStatus of an endpoint that takes calls (pilot/pkg/model/service.go)."""
_TIMEOUT_SECONDS: Final = 5
_CALLS: Final = 10
HELLO_CLUSTER: Final = f"outbound|{HELLO_PORT}||{HELLO}.{WORKLOAD_NAMESPACE}.svc.cluster.local"
"""How a sidecar's configuration calls hello's endpoints."""
_HELLO_PASSED_ON: Final = f"outbound_.{HELLO_PORT}_._.{HELLO}.{WORKLOAD_NAMESPACE}.svc.cluster.local"
"""How an east-west gateway's configuration calls hello's own pods."""


def claims(members: Sequence[Member], ingresses: Mapping[str, str]) -> Iterator[Claim]:
    """Everything that holds in every mode of traffic, one claim after the other, and nothing is changed.

    `ingresses` are addresses by member. What a proxy or istiod knows is asked in its pod, which takes the operator's
    identity.

    Raises:
        CommandError: a member cannot be asked.

    """
    for member in members:
        yield peers_are_read(member, members)
    yield one_root(members)
    for member in members:
        yield routed_through_gateways(member)
    for member in members:
        if member.running(SLEEP):
            yield answered_as_configured(member)
    for member in members:
        if pods := member.running(HELLO):
            yield plain_text_is_refused(member.view, pods[0])
    for member in members:
        if member.name in ingresses:
            yield ingress_answers(member.view, member.region, ingresses[member.name])


def peers_are_read(member: Member, members: Sequence[Member]) -> Claim:
    """Its istiod knows the endpoints that every member has now: here those of the gateways, which each member runs.

    Not by `istioctl remote-clusters`: that state waits for what istiod may not read, and says `timeout` for ever.
    Takes the operator's identity, since it asks in istiod's pod.
    """
    known = endpoints_by_member(istiod(member, "/debug/endpointShardz"))
    present = {other.name: _gateway_pods(other.view) for other in members}
    return Claim(
        text=f"istiod of {member.name} reads the endpoints of every member",
        holds=all(pods and known.get(name) == pods for name, pods in present.items()),
        evidence=", ".join(f"{name} {len(known.get(name, ()))} of {len(pods)}" for name, pods in present.items()),
    )


def istiod(member: Member, path: str) -> Any:
    """What a member's istiod answers at its debug interface. Raises CommandError."""
    line = ("exec", "deployment/istiod", f"--namespace={ISTIO_NAMESPACE}", "--", "pilot-discovery", "request", "GET")
    return json.loads(member.kubectl(*line, path))


def endpoints_by_member(shards: Mapping[str, Any]) -> dict[str, set[str]]:
    """The addresses of east-west gateways that take calls, by member, from istiod's `/debug/endpointShardz`."""
    service = f"{EAST_WEST_GATEWAY}.{ISTIO_NAMESPACE}.svc.cluster.local"
    found = shards.get(service, {}).get(ISTIO_NAMESPACE, {}).get("Shards", {})
    return {
        # A shard is what one registry of one cluster says: `Kubernetes/eu`.
        shard.removeprefix("Kubernetes/"): {
            endpoint["Addresses"][0] for endpoint in endpoints if endpoint["HealthStatus"] == _HEALTHY
        }
        for shard, endpoints in found.items()
    }


def _gateway_pods(member: View) -> set[str]:
    """The addresses of a member's own gateway pods that take calls, by its API server."""
    slices = member.get(
        "endpointslices", f"--namespace={ISTIO_NAMESPACE}", f"--selector=kubernetes.io/service-name={EAST_WEST_GATEWAY}"
    )["items"]
    endpoints = [endpoint for one in slices for endpoint in one.get("endpoints") or ()]
    return {endpoint["addresses"][0] for endpoint in endpoints if endpoint["conditions"].get("ready")}


def certificates(member: Member, workload: str = CALLER) -> list[x509.Certificate]:
    """The chain of a workload's own certificate, as its Envoy presents it: the leaf first, the root last."""
    chain = _secret(member, workload, "default")["tls_certificate"]["certificate_chain"]
    return up_to_root(x509.load_pem_x509_certificates(base64.b64decode(chain["inline_bytes"])))


def up_to_root(presented: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """A chain without what istiod appends to it: every root that is trusted, so that proxies learn of them."""
    signed = list(itertools.takewhile(lambda one: one.subject != one.issuer, presented))
    return [*signed, *presented[len(signed) : len(signed) + 1]]


def trusted(member: Member, workload: str = CALLER) -> list[x509.Certificate]:
    """The roots that a workload's Envoy checks others by."""
    anchors = _secret(member, workload, "ROOTCA")["validation_context"]["trusted_ca"]
    return x509.load_pem_x509_certificates(base64.b64decode(anchors["inline_bytes"]))


def _secret(member: Member, workload: str, name: str) -> Any:
    dump = member.proxy(workload, "config_dump?resource=dynamic_active_secrets")
    [found] = [secret["secret"] for secret in dump["configs"] if secret["name"] == name]
    return found


def one_root(members: Iterable[Member]) -> Claim:
    """Workloads of all members are signed by an intermediate of their own member, and these by one root.

    Takes the operator's identity, since it asks in the proxies' pods.
    """
    chains = {member.name: certificates(member) for member in members}
    roots = {chain[-1] for chain in chains.values()}
    signers = {name: _locality(chain[1]) for name, chain in chains.items()}
    sound = all(_signed(chain) for chain in chains.values())
    return Claim(
        text="certificates of all members lead through their own intermediate to one root",
        holds=sound and len(roots) == 1 and all(name == signer for name, signer in signers.items()),
        evidence=f"{len(roots)} root; signed by {', '.join(f'{by} for {name}' for name, by in signers.items())}",
    )


def _signed(chain: Sequence[x509.Certificate]) -> bool:
    try:
        for issued, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
            issued.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError):
        return False
    return True


def _locality(certificate: x509.Certificate) -> str:
    named = certificate.subject.get_attributes_for_oid(x509.NameOID.LOCALITY_NAME)
    return str(named[0].value) if named else ""


def routed_through_gateways(member: Member) -> Claim:
    """Of hello's endpoints a sidecar knows its own pods and the others' gateways, never a pod of another cluster.

    Takes the operator's identity, since it asks in the sidecar's pod.
    """
    own = {pod["status"].get("podIP") for pod in member.view.get("pods", f"--selector=app={HELLO}")["items"]}
    foreign = {address for address in requests(member) if address[0] not in own}
    return Claim(
        text=f"{member.name} reaches hello elsewhere through east-west gateways alone",
        holds=bool(foreign) and all(port == CROSS_NETWORK_PORT for _, port in foreign),
        evidence=", ".join(f"{address}:{port}" for address, port in sorted(foreign)) or "no endpoint elsewhere",
    )


def answered_as_configured(member: Member) -> Claim:
    """Ten calls from a member's sleep: from its own region alone, or from several, as its DestinationRule says.

    Takes the operator's identity, since it calls from a pod.
    """
    answers = calls(member, _CALLS)
    mode = "locality" if prefers_own_region(member.view) else "global"
    return Claim(
        text=f"hello is answered in {member.name} as traffic mode {mode} has it",
        holds=_as_configured(answers, member),
        evidence=", ".join(f"{count} of {_CALLS} by {place}" for place, count in answers.most_common()),
    )


def _as_configured(answers: Counter[str], member: Member) -> bool:
    if not prefers_own_region(member.view):
        return len(answers.keys() - {NO_ANSWER}) > 1
    if member.running(HELLO):
        return answers == Counter({member.region: _CALLS})
    return answers[NO_ANSWER] == 0  # Whoever is near enough.


def prefers_own_region(member: View) -> bool:
    """Whether hello's DestinationRule in a member balances by locality. Raises CommandError."""
    rule = member.get("destinationrules.networking.istio.io", HELLO, f"--namespace={WORKLOAD_NAMESPACE}")
    return bool(rule["spec"]["trafficPolicy"]["loadBalancer"]["localityLbSetting"]["enabled"])


def plain_text_is_refused(member: View, pod: Mapping[str, Any]) -> Claim:
    """A call without TLS, from a node straight to a pod of hello, is cut off: STRICT mutual TLS."""
    node = member.layout.node(pod["spec"]["nodeName"])
    [hello] = [container for container in pod["spec"]["containers"] if container["name"] == HELLO]
    answer = _fetch(node, f"http://{pod['status']['podIP']}:{hello['ports'][0]['containerPort']}/")
    return Claim(
        text=f"hello in {member.name} refuses plain text",
        holds="reset by peer" in answer,
        evidence=answer.splitlines()[-1] if answer else "no answer at all",
    )


def ingress_answers(member: View, own_region: str, address: str) -> Claim:
    """Somebody outside calls a member's load balancer, and hello answers: of its own region if that is preferred."""
    answer = answer_from_outside(member.layout, address)
    at_home = prefers_own_region(member) and member.running(HELLO)
    return Claim(
        text=f"the ingress of {member.name} answers",
        holds=answer == own_region if at_home else answer != NO_ANSWER,
        evidence=f"http://{address} by {answer}",
    )


def answer_from_outside(layout: Layout, address: str) -> str:
    """The region that answers somebody outside who calls an ingress, or that nobody does."""
    return region(_fetch(layout.wan, f"http://{address}/"))


def _fetch(namespace: str, url: str) -> str:
    """What curl prints in a network namespace: the answer, or why there is none."""
    line = ["curl", "--silent", "--show-error", "--max-time", str(_TIMEOUT_SECONDS), url]
    try:
        return run(*inside(namespace, line))
    except CommandError as error:
        return error.output


def passed_on(member: Member) -> int:
    """How many connections of other members the east-west gateway has passed on to hello since its start."""
    found = member.proxy(f"deployment/{EAST_WEST_GATEWAY}", "clusters?format=json", namespace=ISTIO_NAMESPACE)
    return sum(_stat(host, "cx_total") for host in _hosts(found, _HELLO_PASSED_ON))


def requests(member: Member, workload: str = CALLER) -> dict[tuple[str, int], int]:
    """How many requests a member's sidecar has sent to hello since its start, by address and port."""
    return counted(member.proxy(workload, "clusters?format=json"))


def counted(clusters: Mapping[str, Any]) -> dict[tuple[str, int], int]:
    """Requests to hello by endpoint, from Envoy's answer to `/clusters?format=json`."""
    return {
        (address["address"], address["port_value"]): _stat(host, "rq_total")
        for host in _hosts(clusters, HELLO_CLUSTER)
        for address in [host["address"]["socket_address"]]
    }


def _hosts(clusters: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [
        host
        for cluster in clusters["cluster_statuses"]
        if cluster["name"] == name
        for host in cluster.get("host_statuses", ())
    ]


def _stat(host: Mapping[str, Any], name: str) -> int:
    # JSON of protocol buffers has numbers of 64 bits as strings, and leaves a zero out.
    return int(next(stat for stat in host["stats"] if stat["name"] == name).get("value", 0))


def calls(member: Member, count: int) -> Counter[str]:
    """From which regions hello answers, in that many calls from a member's sleep, one after the other."""
    fetch = f"curl --silent --show-error --max-time {_TIMEOUT_SECONDS} {HELLO}:{HELLO_PORT}"
    script = f"for call in $(seq {count}); do {fetch} 2>&1 | tr -d '\\n'; echo; done"
    answers = member.shell(CALLER, script, timeout_seconds=count * _TIMEOUT_SECONDS + 30.0)
    return Counter(region(answer) for answer in answers.splitlines())


def calls_by_member(members: Iterable[Member], count: int) -> dict[str, Counter[str]]:
    """What `calls` has of every member with a sleep, by the member's name."""
    # One after the other, since the calls of one region take the machine's processor from the next.
    return {member.name: calls(member, count) for member in members if member.running(SLEEP)}
