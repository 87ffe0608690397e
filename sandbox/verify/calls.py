"""Calls from pods, and what proxies count of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from fleet.mesh.values import EAST_WEST_LABELS
from fleet.naming import ISTIO_NAMESPACE
from operations.claims import asked_again, region
from sandbox.clusters.host.subprocesses import run
from sandbox.verify.pods import in_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operations.workloads import Call
    from sandbox.verify.member import Member

EAST_WEST_GATEWAY: Final = EAST_WEST_LABELS["app"]
TIMEOUT_SECONDS: Final = 5


def passed_on(member: Member, call: Call) -> int:
    """How many connections of other members the east-west gateway has passed on to what is called since its start."""
    found = member.proxy(f"deployment/{EAST_WEST_GATEWAY}", "clusters?format=json", namespace=ISTIO_NAMESPACE)
    return sum(_stat(host, "cx_total") for host in _hosts(found, f"outbound_.{call.port}_._.{call.host}"))


def requests(member: Member, call: Call) -> dict[tuple[str, int], int]:
    """How many requests a member's sidecar has sent to what it calls since its start, by address and port."""
    target = f"deployment/{call.caller}"
    return counted(member.proxy(target, "clusters?format=json", namespace=call.caller_namespace), call)


def counted(clusters: Mapping[str, Any], call: Call) -> dict[tuple[str, int], int]:
    """Requests by endpoint of what is called, from Envoy's answer to `/clusters?format=json`."""
    return {
        (address["address"], address["port_value"]): _stat(host, "rq_total")
        for host in _hosts(clusters, outbound(call))
        for address in [host["address"]["socket_address"]]
    }


def outbound(call: Call) -> str:
    """How a sidecar's configuration calls the endpoints of what it calls."""
    return f"outbound|{call.port}||{call.host}"


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


def calls(member: Member, count: int, call: Call) -> Counter[str]:
    """From which regions there are answers, in that many calls from a pod of a member, one after the other."""
    return Counter(region(answer) for answer in said(member, count, call).splitlines())


def said(member: Member, count: int, call: Call) -> str:
    """What is answered to a pod of the caller, a line for each call; what its image has does not matter."""
    pods = member.running(call.caller, call.caller_namespace)
    if not pods:
        return f"{call.caller} does not run in {member.name}\n" * count
    service = member.view.get("service", call.called, f"--namespace={call.namespace}")
    resolved = f"--resolve {call.url}:{service['spec']['clusterIP']}"
    script = asked_again(count, TIMEOUT_SECONDS, resolved, f"http://{call.url}/")
    line = in_network(pods[0], ["sh", "-c", script])
    return run(*line, timeout_seconds=count * TIMEOUT_SECONDS + 30.0)


def calls_by_member(members: Iterable[Member], count: int, call: Call) -> dict[str, Counter[str]]:
    """What `calls` has of every member in which the caller runs, by the member's name."""
    # One after the other, since the calls of one region take the machine's processor from the next.
    running = [member for member in members if member.running(call.caller, call.caller_namespace)]
    return {member.name: calls(member, count, call) for member in running}
