"""A node is lost while an update runs, and how long Karmada's API and the mesh were away for that.

Steady: two replicas of what keeps no data, on pools of two nodes in the manager and in `eu`; calls to every region.
Done: a node is switched off during an update, as when its host fails. Linode brings back no such machine by itself in
the time of a test, so it is recycled a minute later, as docs/karmada.md has it.
Must hold: no call of a workload fails for a node of the manager; for one of `eu` calls take its other gateway.
By: the update ends, and replicas are on different nodes again, within 10 minutes.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest

from fleet.karmada.values import API_SERVER, COMPONENTS, KUBE_CONTROLLER_MANAGER
from fleet.naming import AGENT, EAST_WEST_GATEWAY, INGRESS_GATEWAY, ISTIO_NAMESPACE, KARMADA_NAMESPACE
from tests.article import HELLO
from tests.e2e.clients import eventually
from tests.e2e.load import load
from tests.e2e.mesh_parts import everybody_answers
from tests.e2e.outages import BY_LOAD_BALANCER, pods, wait_until_joined
from tests.e2e.readiness import Readiness, silent_seconds
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.verify.member import View
    from tests.e2e.clients import AccountClient
    from tests.e2e.load import Outcomes
    from tests.e2e.running import Fleet

# It takes its place among what ends the fleet, which it changes more than others bear.
pytestmark = [pytest.mark.privileged, pytest.mark.endurance, pytest.mark.usefixtures("ending_fleet")]

MANAGER: Final = "cluster-manager"
TWO_NODES: Final = {"pools": {"main": {"count": 2}}}
OF_KARMADA: Final = (API_SERVER, KUBE_CONTROLLER_MANAGER, *COMPONENTS.values())
OF_THE_MESH: Final = ("istiod", EAST_WEST_GATEWAY, INGRESS_GATEWAY)
ETCD: Final = "etcd"
OPERATOR_SECONDS: Final = 60.0
"""After which an operator has seen that a node is lost, and recycles it."""
BACK_SECONDS: Final = 600.0
UNNOTICED_SECONDS: Final = 90.0
"""Kubernetes takes 40 s to see that a node is lost, and until then sends every other connection there."""


def production() -> dict[str, Any]:
    """Two replicas of what keeps no data, on two nodes in the manager and in eu."""
    return {
        "clusters": {MANAGER: TWO_NODES, "eu": TWO_NODES},
        "componentReplicas": 2,
        "karmada": BY_LOAD_BALANCER,
        "traffic": {"mode": "global"},
    }


def karmada_anew(fleet: Fleet, turn: str) -> dict[str, Any]:
    """The fleet's sections with a word in them that starts all of Karmada's components anew."""
    parts = ("apiServer", "kubeControllerManager", *COMPONENTS)
    return fleet.sections | {"karmada": BY_LOAD_BALANCER | {"values": dict.fromkeys(parts, _pods(turn))}}


def mesh_anew(fleet: Fleet, turn: str) -> dict[str, Any]:
    """The same for istiod and the gateways of every member."""
    gateway = {"values": _pods(turn)}
    return fleet.sections | {"mesh": {"istiodValues": _pods(turn)}, "eastWest": gateway, "ingress": gateway}


def _pods(turn: str) -> dict[str, Any]:
    return {"podAnnotations": {"e2e.fleet/turn": turn}}


@pytest.fixture(scope="module")
def wide(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet as in production, with everything on two nodes; in the end its pools have one again."""
    fleet.configured(**production())
    try:
        settled(fleet)
        yield fleet
    finally:
        fleet.up(karmada=BY_LOAD_BALANCER)
        wait_until_joined(fleet, time.monotonic(), "the pools had one node again")


def nodes_of(view: View, namespace: str, app: str) -> list[str]:
    """The nodes on which an app's pods are ready and not about to go, once for each pod."""
    running = [
        pod
        for pod in view.get("pods", f"--selector=app={app}", f"--namespace={namespace}")["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
    ]
    return [pod["spec"]["nodeName"] for pod in running]


def together(fleet: Fleet) -> dict[str, list[str]]:
    """What does not have two pods on two nodes in the clusters of two: the nodes that each has."""
    places = [
        *((fleet.views[MANAGER], KARMADA_NAMESPACE, app) for app in OF_KARMADA),
        *((fleet.views["eu"], ISTIO_NAMESPACE, app) for app in OF_THE_MESH),
        (fleet.views["eu"], KARMADA_NAMESPACE, AGENT),
    ]
    found = {f"{view.name}/{app}": nodes_of(view, namespace, app) for view, namespace, app in places}
    return {name: nodes for name, nodes in found.items() if not len(nodes) == len(set(nodes)) == 2}


def settled(fleet: Fleet) -> None:
    """Wait until both clusters have two nodes, and all members report and are answered from everywhere."""
    for name in (MANAGER, "eu"):
        eventually(
            lambda name=name: len(ready_nodes(fleet.views[name])) == 2,  # type: ignore[misc]  # bound early
            f"{name} has two nodes",
            within_seconds=300,
        )
    wait_until_joined(fleet, time.monotonic(), "the nodes were there")
    for member in fleet.members.values():
        eventually(
            lambda member=member: everybody_answers(member, fleet.members),  # type: ignore[misc]  # bound early
            f"{member.name} is answered from everywhere",
            within_seconds=300,
        )


def ready_nodes(view: View) -> set[str]:
    """The nodes that Kubernetes calls Ready."""
    return {
        node["metadata"]["name"]
        for node in view.get("nodes")["items"]
        if any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])
    }


def lose(account: AccountClient, node: str) -> Callable[[], None]:
    """Switch a node off; returns what recycles it, as an operator does."""
    [machine] = [one for one in account.call("GET", "linode/instances")["data"] if one["label"] == node]
    cluster = f"lke/clusters/{machine['lke_cluster_id']}"
    pools = account.call("GET", f"{cluster}/pools")["data"]
    [at_lke] = [one["id"] for pool in pools for one in pool["nodes"] if one["instance_id"] == machine["id"]]
    account.call("POST", f"linode/instances/{machine['id']}/shutdown")
    return lambda: account.call("POST", f"{cluster}/nodes/{at_lke}/recycle")


def update_without(
    fleet: Fleet, account: AccountClient, node: str, *, release: str, say: Callable[[str], None], **sections: Any
) -> tuple[int, float]:
    """`pulumi up` that loses a node as soon as it updates a release; its exit code, and when the node was recycled."""
    stack = fleet.stack
    stack.configure(**sections)
    before = stack.said.stat().st_size
    updating = re.compile(rf"helm\.sh/v3:Release {re.escape(release)} updating")
    with ThreadPoolExecutor(max_workers=1) as pool:
        update = pool.submit(stack.attend, "up", *YES, say=say)
        eventually(
            lambda: updating.search(stack.said.read_bytes()[before:].decode(errors="replace")) is not None,
            f"the update comes to {release}",
            within_seconds=600,
        )
        recycle = lose(account, node)
        say(f"{node} is off")
        time.sleep(OPERATOR_SECONDS)
        recycle()
        recycled = time.monotonic()
        status, said = update.result()
    say(f"the update ended with {status}: {said[-300:]}")
    fleet.sections = sections
    return status, recycled


def finish(fleet: Fleet, status: int, recycled: float) -> None:
    """What the update did not do, the next one does, and the fleet is whole again."""
    if status != 0:
        fleet.up(**fleet.sections)
    settled(fleet)
    print(f"all is as before {time.monotonic() - recycled:.0f} s after the node was recycled")


def told(what: str, readiness: Readiness, outcomes: Outcomes) -> float:
    """Print the figures of docs/karmada.md and docs/mesh.md; for how long Karmada's API was away at a time."""
    assert any(ready is not None for _, ready in readiness.looks), "Karmada was asked"
    away = silent_seconds(readiness.looks)
    print(f"\n{what}: Karmada's API was away for {away:.0f} s at a time; {outcomes}")
    return away


def test_replicas_are_on_different_nodes_after_every_update(wide: Fleet) -> None:
    for turn in ("first", "second"):
        wide.up(**karmada_anew(wide, turn))
        wide.up(**mesh_anew(wide, turn))
        eventually(lambda: together(wide) == {}, "everything has two pods on two nodes", within_seconds=120)


@pytest.mark.parametrize("with_etcd", [False, True])
def test_a_node_of_the_manager_is_lost_during_an_update_and_no_call_fails(
    wide: Fleet, account: AccountClient, with_etcd: bool, say: Callable[[str], None]
) -> None:
    manager, ap = wide.views[MANAGER], wide.members["ap"]
    [etcd] = nodes_of(manager, KARMADA_NAMESPACE, ETCD)
    node = etcd if with_etcd else next(iter(ready_nodes(manager) - {etcd}))
    before = pods(wide)
    sections = karmada_anew(wide, f"without {node}")
    with Readiness(wide.karmada.view, say=say) as readiness, load(ap) as outcomes:
        status, recycled = update_without(wide, account, node, release="karmada-release", say=say, **sections)
        wait_until_joined(wide, recycled, "the node was recycled")
    away = told(f"the manager's node {'with' if with_etcd else 'without'} etcd is lost", readiness, outcomes)
    assert not outcomes.failed, f"members call each other without Karmada: {outcomes}"
    assert pods(wide) == before, "what runs in members goes on"
    if with_etcd:
        assert away < BACK_SECONDS, "etcd starts elsewhere, on the volume that it had"
    else:
        assert away < UNNOTICED_SECONDS, "another API server is on the other node, and etcd too"
    finish(wide, status, recycled)


def test_a_node_of_a_member_is_lost_during_an_update_and_its_other_gateway_takes_the_calls(
    wide: Fleet, account: AccountClient, say: Callable[[str], None]
) -> None:
    eu, ap = wide.members["eu"], wide.members["ap"]
    # hello has one pod in eu, and the test is about what leads there.
    [hello] = [pod["spec"]["nodeName"] for pod in eu.running(HELLO)]
    node = next(iter(ready_nodes(eu.view) - {hello}))
    sections = mesh_anew(wide, f"without {node}")
    with Readiness(wide.karmada.view, say=say) as readiness, load(ap) as outcomes:
        status, recycled = update_without(wide, account, node, release="eu-istio-istiod", say=say, **sections)
    away = told("a node of eu with half of its gateways is lost", readiness, outcomes)
    assert outcomes.regions[eu.region] > 0
    assert len(outcomes.failed) < len(outcomes.calls) / 6, (
        f"half of what goes to eu, for a part of the time: {outcomes}"
    )
    assert outcomes.disturbed_seconds < BACK_SECONDS
    assert away < UNNOTICED_SECONDS, "the manager is as it was"
    finish(wide, status, recycled)
