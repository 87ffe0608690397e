"""What tests of lost parts of the mesh share: killing a part, and what calls notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.naming import ISTIO_NAMESPACE
from tests import article

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.verify.member import Member
    from tests.e2e.load import Outcomes

GLOBAL: Final = {"traffic": {"mode": "global"}}
ONE_CALL_A_CONNECTION: Final = [
    {
        "op": "add",
        "path": "/spec/trafficPolicy/portLevelSettings/0/connectionPool/http",
        "value": {"maxRequestsPerConnection": 1},
    }
]
"""A JSON patch of hello's DestinationRule."""
WORKLOADS: Final = ("deployment/sleep", "deployment/hello")
IN_ISTIO_SYSTEM: Final = f"--namespace={ISTIO_NAMESPACE}"


def everybody_answers(member: Member, members: Mapping[str, Member]) -> bool:
    """Whether every region answers some of a member's calls, and none fails."""
    return set(article.calls(member, 20)) == {other.region for other in members.values()}


def pods(member: Member, app: str) -> dict[str, bool]:
    """A deployment's pods in istio-system by name, and whether each is ready."""
    return {
        pod["metadata"]["name"]: all(status["ready"] for status in pod["status"].get("containerStatuses", ()))
        for pod in member.get("pods", f"--selector=app={app}", IN_ISTIO_SYSTEM)["items"]
    }


def kill(member: Member, app: str) -> set[str]:
    """End all of a deployment's pods in istio-system without any grace; their names."""
    ended = set(pods(member, app))
    member.kubectl("delete", "pod", f"--selector=app={app}", IN_ISTIO_SYSTEM, "--grace-period=0", "--force")
    return ended


def ready(member: Member, app: str, ended: set[str]) -> bool:
    """Whether another pod than those that ended is ready."""
    return any(ready for name, ready in pods(member, app).items() if name not in ended)


def report(what: str, outcomes: Outcomes, seconds: float) -> None:
    """The figures of docs/mesh.md."""
    print(f"\n{what}: {outcomes}; back after {seconds:.1f} s")
