"""What a mesh of several primaries and networks promises, by istiod, by certificates and by Envoy's own counters."""

from __future__ import annotations

import base64
import itertools
import json
import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from fleet.mesh.values import CROSS_NETWORK_PORT
from fleet.naming import DEFAULT_NAMESPACE, ISTIO_NAMESPACE, service_host
from operations.claims import ANSWERED, CURL, NO_ANSWER, REFUSED, Claim, region
from operations.workloads import allowed, host_of, refused
from sandbox.clusters.host.subprocesses import CommandError, inside, run
from sandbox.verify.calls import EAST_WEST_GATEWAY, TIMEOUT_SECONDS, calls, requests, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fleet.config.workloads import Workload, WorkloadIngress
    from operations.workloads import Call
    from sandbox.clusters.host.layout import Layout
    from sandbox.verify.member import Member, View

_HEALTHY: Final = 1
"""Istio's HealthStatus of an endpoint that takes calls (pilot/pkg/model/service.go)."""
_CALLS: Final = 10


def claims(
    members: Sequence[Member], ingresses: Mapping[str, str], workloads: Mapping[str, Workload]
) -> Iterator[Claim]:
    """Everything that holds in every mode of traffic, one claim after the other, and nothing is changed.

    `ingresses` are addresses by member. What a proxy or istiod knows is asked in its pod, which takes the operator's
    identity.

    Raises:
        CommandError: a member cannot be asked.

    """
    for member in members:
        yield peers_are_read(member, members)
    yield one_root(members, workloads)
    for call in allowed(workloads):
        callers = [member for member in members if member.running(call.caller, call.caller_namespace)]
        for member in callers:
            yield routed_through_gateways(member, call)
        for member in callers:
            yield answered_as_configured(member, call)
    for call in refused(workloads):
        for member in members:
            if member.running(call.caller, call.caller_namespace):
                yield not_let_in(member, call)
    for name, workload in workloads.items():
        for member in members:
            if workload.ports and (pods := member.running(name, workload.namespace)):
                yield plain_text_is_refused(member.view, name, pods[0])
    for name, workload in workloads.items():
        for member in members:
            if member.name in ingresses and workload.ingress:
                yield ingress_answers(member.view, member.region, ingresses[member.name], name, workload)


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
    found = shards.get(service_host(EAST_WEST_GATEWAY, ISTIO_NAMESPACE), {}).get(ISTIO_NAMESPACE, {}).get("Shards", {})
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


def certificates(member: Member, workload: str, namespace: str = DEFAULT_NAMESPACE) -> list[x509.Certificate]:
    """The chain of a workload's own certificate, as its Envoy presents it: the leaf first, the root last."""
    chain = _secret(member, workload, namespace, "default")["tls_certificate"]["certificate_chain"]
    return up_to_root(x509.load_pem_x509_certificates(base64.b64decode(chain["inline_bytes"])))


def up_to_root(presented: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """A chain without what istiod appends to it: every root that is trusted, so that proxies learn of them."""
    signed = list(itertools.takewhile(lambda one: one.subject != one.issuer, presented))
    return [*signed, *presented[len(signed) : len(signed) + 1]]


def trusted(member: Member, workload: str, namespace: str = DEFAULT_NAMESPACE) -> list[x509.Certificate]:
    """The roots that a workload's Envoy checks others by."""
    anchors = _secret(member, workload, namespace, "ROOTCA")["validation_context"]["trusted_ca"]
    return x509.load_pem_x509_certificates(base64.b64decode(anchors["inline_bytes"]))


def _secret(member: Member, workload: str, namespace: str, name: str) -> Any:
    dump = member.proxy(workload, "config_dump?resource=dynamic_active_secrets", namespace=namespace)
    [found] = [secret["secret"] for secret in dump["configs"] if secret["name"] == name]
    return found


def one_root(members: Iterable[Member], workloads: Mapping[str, Workload]) -> Claim:
    """Workloads of all members are signed by an intermediate of their own member, and these by one root.

    Takes the operator's identity, since it asks in the proxies' pods.
    """
    running = {member.name: (member, _some(member, workloads)) for member in members}
    chains = {name: certificates(member, *some) for name, (member, some) in running.items()}
    roots = {chain[-1] for chain in chains.values()}
    signers = {name: _locality(chain[1]) for name, chain in chains.items()}
    sound = all(_signed(chain) for chain in chains.values())
    return Claim(
        text="certificates of all members lead through their own intermediate to one root",
        holds=sound and len(roots) == 1 and all(name == signer for name, signer in signers.items()),
        evidence=f"{len(roots)} root; signed by {', '.join(f'{by} for {name}' for name, by in signers.items())}",
    )


def _some(member: Member, workloads: Mapping[str, Workload]) -> tuple[str, str]:
    """Something with a sidecar's certificate in a member, and its namespace: a workload, or else the gateway."""
    for name, workload in workloads.items():
        if member.running(name, workload.namespace):
            return f"deployment/{name}", workload.namespace
    return f"deployment/{EAST_WEST_GATEWAY}", ISTIO_NAMESPACE


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


def routed_through_gateways(member: Member, call: Call) -> Claim:
    """Of endpoints a sidecar knows its own pods and the others' gateways, never a pod of another cluster.

    Takes the operator's identity, since it asks in the sidecar's pod.
    """
    pods = member.view.get("pods", f"--selector=app={call.called}", f"--namespace={call.namespace}")["items"]
    own = {pod["status"].get("podIP") for pod in pods}
    foreign = {address for address in requests(member, call) if address[0] not in own}
    return Claim(
        text=f"{call.caller} of {member.name} reaches {call.called} elsewhere through east-west gateways alone",
        holds=bool(foreign) and all(port == CROSS_NETWORK_PORT for _, port in foreign),
        evidence=", ".join(f"{address}:{port}" for address, port in sorted(foreign)) or "no endpoint elsewhere",
    )


def answered_as_configured(member: Member, call: Call) -> Claim:
    """Ten calls from a member's pod: from its own region alone, or from several, as the DestinationRule says."""
    answers = calls(member, _CALLS, call)
    mode = "locality" if prefers_own_region(member.view, call.called, call.namespace) else "global"
    return Claim(
        text=f"{call.called} is answered to {call.caller} in {member.name} as traffic mode {mode} has it",
        holds=_as_configured(answers, member, call, mode),
        evidence=", ".join(f"{count} of {_CALLS} by {place}" for place, count in answers.most_common()),
    )


def _as_configured(answers: Counter[str], member: Member, call: Call, mode: str) -> bool:
    if answers.keys() == {ANSWERED}:
        return True
    if mode == "global":
        return len(answers.keys() - {NO_ANSWER}) > 1
    if member.running(call.called, call.namespace):
        return answers == Counter({member.region: _CALLS})
    return answers[NO_ANSWER] == 0  # Whoever is near enough.


def not_let_in(member: Member, call: Call) -> Claim:
    """A workload that is not among another's callers is refused by its sidecar, or by whoever is asked elsewhere."""
    answer = said(member, 1, call)
    return Claim(
        text=f"{call.called} refuses {call.caller} of {member.name}",
        holds=REFUSED in answer,
        evidence=answer.strip() or "no answer at all",
    )


def prefers_own_region(member: View, workload: str, namespace: str = DEFAULT_NAMESPACE) -> bool:
    """Whether a workload's DestinationRule in a member balances by locality. Raises CommandError."""
    rule = member.get("destinationrules.networking.istio.io", workload, f"--namespace={namespace}")
    return bool(rule["spec"]["trafficPolicy"]["loadBalancer"]["localityLbSetting"]["enabled"])


def plain_text_is_refused(member: View, workload: str, pod: Mapping[str, Any]) -> Claim:
    """A call without TLS, from a node straight to a pod, is cut off: STRICT mutual TLS."""
    node = member.layout.node(pod["spec"]["nodeName"])
    [called] = [container for container in pod["spec"]["containers"] if container["name"] == workload]
    answer = _fetch(node, f"http://{pod['status']['podIP']}:{called['ports'][0]['containerPort']}/")
    return Claim(
        text=f"{workload} in {member.name} refuses plain text",
        holds="reset by peer" in answer,
        evidence=answer.splitlines()[-1] if answer else "no answer at all",
    )


def ingress_answers(member: View, own_region: str, address: str, name: str, workload: Workload) -> Claim:
    """Somebody outside calls a member's load balancer, and the workload answers: of this region if that is preferred.

    What does not say its region has answered from wherever it is.
    """
    answer = answer_from_outside(member.layout, address, workload.ingress)
    at_home = prefers_own_region(member, name, workload.namespace) and member.running(name, workload.namespace)
    return Claim(
        text=f"the ingress of {member.name} leads to {name}",
        holds=answer in (own_region, ANSWERED) if at_home else answer != NO_ANSWER,
        evidence=f"http://{address} by {answer}",
    )


def answer_from_outside(layout: Layout, address: str, ingress: WorkloadIngress | None = None) -> str:
    """The region that answers somebody outside who calls an ingress, or that nobody does."""
    headers, path = (host_of(ingress), ingress.paths[0]) if ingress else ({}, "/")
    named = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    return region(_fetch(layout.wan, f"http://{address}{path}", *named))


def _fetch(namespace: str, url: str, *options: str) -> str:
    """What curl prints in a network namespace: the answer and its status, or why there is none."""
    line = [*shlex.split(CURL), "--max-time", str(TIMEOUT_SECONDS), *options, url]
    try:
        return run(*inside(namespace, line))
    except CommandError as error:
        return error.output
