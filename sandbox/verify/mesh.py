"""What a mesh of several primaries and networks promises, by istiod, by certificates and by Envoy's own counters."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from fleet.mesh.values import CROSS_NETWORK_PORT
from fleet.naming import HELLO, HELLO_PORT, ISTIO_NAMESPACE, SLEEP, WORKLOAD_NAMESPACE
from sandbox.verify.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sandbox.verify.member import Member

CALLER: Final = f"deployment/{SLEEP}"
NO_ANSWER: Final = "no answer"
_MARK: Final = "REGION="
_TIMEOUT_SECONDS: Final = 5
HELLO_CLUSTER: Final = f"outbound|{HELLO_PORT}||{HELLO}.{WORKLOAD_NAMESPACE}.svc.cluster.local"
"""How Envoy's configuration calls hello's endpoints."""


def claims(members: Sequence[Member]) -> Iterator[Claim]:
    """Everything that holds in every mode of traffic, one claim after the other.

    Raises:
        CommandError: a member cannot be asked.

    """
    for member in members:
        yield peers_are_read(member, {other.name for other in members})
    yield one_root(members)
    for member in members:
        yield routed_through_gateways(member)


def peers_are_read(member: Member, names: set[str]) -> Claim:
    """Its istiod reads its own cluster and every other one, each once (the data behind `istioctl remote-clusters`)."""
    line = ("exec", "deployment/istiod", f"--namespace={ISTIO_NAMESPACE}", "--", "pilot-discovery", "request", "GET")
    known = json.loads(member.kubectl(*line, "/debug/clusterz"))
    states = [(cluster["id"], cluster["syncStatus"]) for cluster in known]
    return Claim(
        text=f"istiod of {member.name} reads every member once",
        holds=sorted(states) == sorted((name, "synced") for name in names),
        evidence=", ".join(f"{name} {state}" for name, state in states),
    )


def certificates(member: Member) -> list[x509.Certificate]:
    """The chain of sleep's own certificate, as its Envoy presents it: the leaf first."""
    dump = member.proxy(CALLER, "config_dump?resource=dynamic_active_secrets")
    [own] = [secret["secret"] for secret in dump["configs"] if secret["name"] == "default"]
    return x509.load_pem_x509_certificates(
        base64.b64decode(own["tls_certificate"]["certificate_chain"]["inline_bytes"])
    )


def one_root(members: Iterable[Member]) -> Claim:
    """Workloads of all members are signed by an intermediate of their own member, and these by one root."""
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
    """Of hello's endpoints a sidecar knows its own pods and the others' gateways, never a pod of another cluster."""
    own = {pod["status"].get("podIP") for pod in member.get("pods", f"--selector=app={HELLO}")["items"]}
    foreign = {address for address in requests(member) if address[0] not in own}
    return Claim(
        text=f"{member.name} reaches hello elsewhere through east-west gateways alone",
        holds=bool(foreign) and all(port == CROSS_NETWORK_PORT for _, port in foreign),
        evidence=", ".join(f"{address}:{port}" for address, port in sorted(foreign)) or "no endpoint elsewhere",
    )


def requests(member: Member, workload: str = CALLER) -> dict[tuple[str, int], int]:
    """How many requests a member's sidecar has sent to hello since its start, by address and port."""
    return counted(member.proxy(workload, "clusters?format=json"))


def counted(clusters: Mapping[str, Any]) -> dict[tuple[str, int], int]:
    """Requests to hello by endpoint, from Envoy's answer to `/clusters?format=json`."""
    found = {}
    for cluster in clusters["cluster_statuses"]:
        if cluster["name"] != HELLO_CLUSTER:
            continue
        for host in cluster.get("host_statuses", ()):
            address = host["address"]["socket_address"]
            total = next(stat for stat in host["stats"] if stat["name"] == "rq_total")
            # JSON of protocol buffers has numbers of 64 bits as strings, and leaves a zero out.
            found[address["address"], address["port_value"]] = int(total.get("value", 0))
    return found


def calls(member: Member, count: int) -> Counter[str]:
    """From which regions hello answers, in that many calls from a member's sleep, one after the other."""
    fetch = f"curl --silent --show-error --max-time {_TIMEOUT_SECONDS} {HELLO}:{HELLO_PORT}"
    script = f"for call in $(seq {count}); do {fetch} 2>&1 | tr -d '\\n'; echo; done"
    answers = member.shell(CALLER, script, timeout_seconds=count * _TIMEOUT_SECONDS + 30.0)
    return Counter(region(answer) for answer in answers.splitlines())


def region(answer: str) -> str:
    """The region in an answer of hello, or that there is none."""
    _, found, rest = answer.partition(_MARK)
    return rest.split('"')[0].split()[0] if found else NO_ANSWER
