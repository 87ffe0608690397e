"""Members behind ACLs, from nothing: what the first update leaves open, what the next one closes, and a node that came.

An ACL cannot be taken out again, so these have a smaller fleet of their own.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from sandbox.clusters.network.plan import NODES_ROUTER, SERVERS_ROUTER
from sandbox.local import lifecycle
from sandbox.verify import firewall, mesh
from sandbox.verify.account import ask
from tests.e2e.clients import AccountClient, eventually
from tests.e2e.names import own
from tests.e2e.outages import cluster_id
from tests.e2e.running import Fleet, changes_nothing
from tests.e2e.stack import Stack, checked_in

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

CLIENTS: Final = [f"{SERVERS_ROUTER}/32", f"{NODES_ROUTER}/32"]
"""Where the sandbox's clients come from, `pulumi up` among them."""
NOBODY: Final = "192.0.2.249/32"
MEMBERS: Final = ("eu", "us")


def config(nodes_of_us: int = 1) -> dict[str, Any]:
    """Two members that mesh, each behind an ACL."""
    clusters = {name: checked_in()["clusters"][name] for name in ("cluster-manager", *MEMBERS)}
    for name in MEMBERS:
        clusters[name]["acl"] = {"ipv4": CLIENTS, "peers": True}
    clusters["us"]["pools"]["main"]["count"] = nodes_of_us
    return {"clusters": clusters, "layers": ["mesh"]}


@pytest.fixture(scope="module")
def closed_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A sandbox with nothing on it."""
    layout = own("acls")
    lifecycle.down(layout)
    try:
        lifecycle.up(layout, say=print)
        yield Fleet(stack=Stack(layout=layout, folder=tmp_path_factory.mktemp("acls")), said_when_stopped="")
    finally:
        lifecycle.down(layout)


def gaps(fleet: Fleet) -> list[str]:
    """The claims about the control planes' ACLs that do not hold, with their evidence."""
    seen = list(firewall.peers(fleet.outputs, partial(ask, fleet.layout)))
    assert len(seen) == len(MEMBERS)
    return [f"{claim.text}: {claim.evidence}" for claim in seen if not claim.holds]


def unread(fleet: Fleet) -> list[str]:
    """The members whose istiod does not know every other member's endpoints, with the evidence."""
    members = list(fleet.members.values())
    claims = [mesh.peers_are_read(member, members) for member in members]
    return [f"{claim.text}: {claim.evidence}" for claim in claims if not claim.holds]


def recycle(fleet: Fleet, member: str) -> None:
    """Have another node in the place of a member's only one."""
    account = AccountClient(layout=fleet.layout, folder=fleet.stack.folder)
    identity = cluster_id(account, member)
    [pool] = account.call("GET", f"lke/clusters/{identity}/pools")["data"]
    [old] = [node["id"] for node in pool["nodes"]]
    account.call("POST", f"lke/clusters/{identity}/nodes/{old}/recycle")

    def another() -> bool:
        nodes = account.call("GET", f"lke/clusters/{identity}/pools/{pool['id']}")["nodes"]
        return [node["status"] for node in nodes if node["id"] != old] == ["ready"]

    eventually(another, f"{member} has another node", within_seconds=240)


def test_from_nothing_the_second_update_closes_the_gap_that_the_first_one_names(closed_fleet: Fleet) -> None:
    said = closed_fleet.up(**config())
    for member, other in (MEMBERS, reversed(MEMBERS)):
        assert f"The control planes of {other} do not let in " in said
        assert f" yet: nodes of {member} that came with this update" in said
    assert len(gaps(closed_fleet)) == len(MEMBERS)

    said = closed_fleet.up(**config())
    assert "do not let in" not in said
    assert gaps(closed_fleet) == []
    eventually(lambda: unread(closed_fleet) == [], "every istiod reads every member", within_seconds=180)
    assert changes_nothing(closed_fleet.up(**config()))


def test_a_node_that_came_since_is_let_in_by_the_next_update(closed_fleet: Fleet) -> None:
    recycle(closed_fleet, "us")
    [gap] = gaps(closed_fleet)
    assert gap.startswith("the control plane of eu lets in every node")
    said = closed_fleet.up(**config())
    assert "do not let in" not in said, "the node was there before this update"
    assert gaps(closed_fleet) == []
    eventually(lambda: unread(closed_fleet) == [], "every istiod reads every member", within_seconds=300)


def test_a_preview_from_where_no_control_plane_lets_it_in_compares_everything(closed_fleet: Fleet) -> None:
    account = AccountClient(layout=closed_fleet.layout, folder=closed_fleet.stack.folder)
    paths = [f"lke/clusters/{cluster_id(account, member)}/control_plane_acl" for member in MEMBERS]
    acls = {path: account.call("GET", path)["acl"]["addresses"] for path in paths}
    for path in paths:
        account.call("PUT", path, {"acl": {"enabled": True, "addresses": {"ipv4": [NOBODY], "ipv6": []}}})
    begun = time.monotonic()
    try:
        planned = closed_fleet.stack.planned(**config())
    finally:
        for path, addresses in acls.items():
            account.call("PUT", path, {"acl": {"enabled": True, "addresses": addresses}})
    print(f"a preview that reached no member took {time.monotonic() - begun:.0f} s")
    assert {step["op"] for step in planned} == {"same"}


def test_an_update_that_brings_a_node_ends_by_asking_for_another_one(closed_fleet: Fleet) -> None:
    said = closed_fleet.up(**config(nodes_of_us=2))
    assert "The control planes of eu do not let in " in said
    assert len(gaps(closed_fleet)) == 1
    assert "do not let in" not in closed_fleet.up(**config(nodes_of_us=2))
    assert gaps(closed_fleet) == []
