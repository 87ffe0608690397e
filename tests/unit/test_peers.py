"""Claims about control planes with ACLs that let in the nodes of the other members."""

from collections.abc import Mapping
from typing import Any

import pytest

from fleet.config.reader import ConfigError, parse
from fleet.lke.peers import gaps
from tests.unit import graph as engine
from tests.unit.configs import fleet_of, stack
from tests.unit.graph import Graph, Stage, build

CLUSTER = "linode:index/lkeCluster:LkeCluster"
OPERATORS = "203.0.113.0/24"
OPEN = {"ipv4": [OPERATORS], "peers": True}
SUFFIX = "x4f2"
"""What graph.py gives as the stack's suffix."""


def behind_acls(*acls: Mapping[str, Any] | None, **sections: Any) -> dict[str, Any]:
    """The config of a member for each ACL."""
    raw = fleet_of(len(acls), **sections)
    for index, acl in enumerate(acls):
        if acl is not None:
            raw["clusters"][f"m{index}"]["acl"] = dict(acl)
    return raw


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account in which three members, and a stranger's cluster, have been for a while."""
    names = {f"m0-{SUFFIX}": 7, f"m1-{SUFFIX}": 8, f"m2-{SUFFIX}": 77, "m1-of-another-stack": 9}
    nodes = {"lke7-1-a": 11, "lke8-1-a": 22, "lke8-2-b": 21, "lke77-1-a": 31, "lke9-1-a": 41, "web": 51}
    for table, content in ((engine.CLUSTERS, names), (engine.INSTANCES, nodes)):
        for key, value in content.items():
            monkeypatch.setitem(table, key, value)


def let_in(graph: Graph) -> dict[str, list[str]]:
    """The IPv4 networks that each cluster's ACL names, by cluster."""
    return {
        node.name.removesuffix("-cluster"): node.plain()["controlPlane"]["acl"]["addresses"][0]["ipv4s"]
        for node in graph.of_type(CLUSTER)
        if "controlPlane" in node.inputs
    }


@pytest.mark.usefixtures("account")
def test_a_control_plane_lets_in_the_live_nodes_of_the_other_members_alone() -> None:
    assert let_in(build(behind_acls(OPEN, OPEN, OPEN))) == {
        "m0": [OPERATORS, "198.51.100.21/32", "198.51.100.22/32", "198.51.100.31/32"],
        "m1": [OPERATORS, "198.51.100.11/32", "198.51.100.31/32"],
        "m2": [OPERATORS, "198.51.100.11/32", "198.51.100.21/32", "198.51.100.22/32"],
    }


@pytest.mark.usefixtures("account")
def test_the_first_preview_of_a_stack_knows_what_the_first_update_will_let_in() -> None:
    """Its suffix is yet to be made, and an ACL that is unknown would keep guardrails from judging it."""
    assert let_in(build(behind_acls(OPEN, OPEN), Stage.PREVIEW)) == {"m0": [OPERATORS], "m1": [OPERATORS]}


@pytest.mark.usefixtures("account")
def test_a_node_in_a_network_that_is_named_needs_no_address_of_its_own() -> None:
    wide = {"ipv4": ["198.51.100.0/24"], "peers": True}
    assert let_in(build(behind_acls(wide, OPEN)))["m0"] == ["198.51.100.0/24"]


@pytest.mark.usefixtures("account")
def test_members_without_peers_in_their_acl_are_as_they_were() -> None:
    assert let_in(build(behind_acls({"ipv4": [OPERATORS]}, None, layers=["karmada"]))) == {"m0": [OPERATORS]}


@pytest.mark.usefixtures("account")
def test_an_expelled_member_is_let_in_no_more_and_lets_nobody_in() -> None:
    raw = behind_acls(OPEN, OPEN, OPEN)
    raw["clusters"]["m1"]["expelled"] = True
    assert let_in(build(raw)) == {
        "m0": [OPERATORS, "198.51.100.31/32"],
        "m1": [OPERATORS],
        "m2": [OPERATORS, "198.51.100.11/32"],
    }


def test_members_do_not_wait_for_each_other() -> None:
    graph = build(behind_acls(OPEN, OPEN))
    for node in graph.of_type(CLUSTER):
        assert not {name for name in graph.reaches(node) if name.endswith("-cluster")}, node.name


def test_the_first_update_ends_by_asking_for_another_one_for_each_member() -> None:
    graph = build(behind_acls(OPEN, OPEN))
    assert let_in(graph) == {"m0": [OPERATORS], "m1": [OPERATORS]}, "no node was there when it began"
    (first,) = graph.outputs["stack"]["nodeIps"]["m0"]
    assert (
        f"The control planes of m1 do not let in {first} yet: nodes of m0 that came with this update, from which "
        "istiod finds no endpoints there. Run `pulumi up` once more, which lets them in."
    ) in graph.warned
    assert len(graph.warned) == 2
    assert build(behind_acls(OPEN, OPEN), Stage.PREVIEW).warned == []


def test_an_update_that_brings_no_node_asks_for_nothing() -> None:
    config = parse(behind_acls(OPEN, OPEN, None, layers=["karmada"]))
    nodes = {"m0": ["198.51.100.1"], "m1": ["198.51.100.2"], "m2": ["198.51.100.3"]}
    assert list(gaps(config, nodes, nodes)) == []
    (said,) = gaps(config, nodes, nodes | {"m2": ["198.51.100.3", "198.51.100.4"]})
    assert said.startswith("The control planes of m0, m1 do not let in 198.51.100.4 yet: nodes of m2 ")
    (said,) = gaps(config, nodes, nodes | {"m1": ["203.0.113.9", "198.51.100.5"]})
    assert said.startswith("The control planes of m0 do not let in 198.51.100.5 yet"), (
        "m2 has no ACL, and m1 is its own"
    )


def test_a_mesh_over_acls_without_peers_is_refused() -> None:
    closed = {"ipv4": [OPERATORS]}
    with pytest.raises(ConfigError) as caught:
        parse(behind_acls(closed, OPEN, closed))
    assert [error.partition(":")[0] for error in caught.value.errors] == [
        "clusters.m0.acl.peers",
        "clusters.m2.acl.peers",
    ]
    assert "False, and the mesh cannot work: istiod of m1, m2 reads this control plane" in caught.value.errors[0]
    assert "set it to true" in caught.value.errors[0]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(behind_acls({"ipv4": [OPERATORS]}), id="a member alone has no peers"),
        pytest.param(behind_acls({"ipv4": [OPERATORS]}, None, layers=["karmada"]), id="Karmada's agents call out"),
        pytest.param(behind_acls({"ipv4": ["0.0.0.0/0"]}, None), id="nobody is refused"),
    ],
)
def test_an_acl_without_peers_is_taken_where_no_other_member_reads(raw: dict[str, Any]) -> None:
    parse(raw)


def test_the_manager_lets_in_no_peers() -> None:
    raw = behind_acls(None)
    raw["clusters"]["manager"]["acl"] = OPEN
    with pytest.raises(ConfigError, match=r"clusters\.manager\.acl\.peers: True on the manager"):
        parse(raw)


def test_karmadas_own_acl_has_members_in_it_without_saying_so() -> None:
    with pytest.raises(ConfigError, match=r"karmada\.acl\.peers: unknown key"):
        parse(fleet_of(1, karmada={"acl": OPEN}))


def test_production_as_shipped_can_mesh() -> None:
    config = parse(stack("prod"))
    assert config.open_to_peers == config.members
