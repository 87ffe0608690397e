"""Claims about one LKE cluster."""

import copy
import re
from typing import Any

import pulumi_linode as linode
import pytest

from fleet.config.pools import NodePool
from fleet.deployed import DeployedPool
from fleet.lke.cluster import external_ips, in_place, listed
from fleet.lke.linode_clusters import node_labels
from tests.unit.configs import fleet_of
from tests.unit.graph import ANSWERS, LET_THROUGH, Graph, Node, build, built, cluster_id, unwrap

KIND = "linode:index/lkeCluster:LkeCluster"


def cluster_with(**spec: Any) -> Node:
    """The cluster of the only member, with some of its entry's keys set."""
    raw = copy.deepcopy(fleet_of(1, layers=[]))
    raw["clusters"]["m0"] |= spec
    return build(raw).one(KIND, "m0-cluster")


def test_a_cluster_has_the_region_version_and_pools_of_its_entry() -> None:
    inputs = cluster_with(kubernetesVersion="1.34", pools={"a": {"type": "g6-standard-4", "count": 3}}).plain()
    assert (inputs["region"], inputs["k8sVersion"]) == ("eu-west", "1.34")
    assert inputs["pools"] == [{"label": "a", "type": "g6-standard-4", "count": 3}]


def test_the_billed_label_carries_the_stacks_suffix() -> None:
    assert cluster_with().plain()["label"] == "m0-x4f2", "two stacks in one account would collide"


def test_a_pools_labels_taints_and_autoscaler_reach_linode() -> None:
    pool = {
        "type": "g6-standard-2",
        "count": 2,
        "autoscaler": {"min": 1, "max": 4},
        "labels": {"team": "web"},
        "taints": [{"key": "dedicated", "value": "web", "effect": "NoSchedule"}],
    }
    node = cluster_with(pools={"main": pool})
    (made,) = node.plain()["pools"]
    assert made["autoscaler"] == {"min": 1, "max": 4}
    assert made["labels"] == {"team": "web"}
    assert made["taints"] == [{"key": "dedicated", "value": "web", "effect": "NoSchedule"}]


def with_pools(*names: str, recorded: tuple[str, ...], **pool: Any) -> Node:
    """The cluster of the only member, with pools as Pulumi hands them over, and with those that the outputs have."""
    raw = copy.deepcopy(fleet_of(1, layers=[]))
    raw["clusters"]["m0"]["pools"] = {name: {"type": "g6-standard-2", **pool} for name in sorted(names)}
    pools = [{"name": name, "type": "g6-standard-2"} for name in recorded]
    now = {"clusters": [{"name": "m0", "version": "1.35", "pools": pools}]}
    return build(raw, deployed=now).one(KIND, "m0-cluster")


def labels(cluster: Node) -> list[str]:
    return [pool["label"] for pool in cluster.plain()["pools"]]


def test_a_new_pool_comes_after_those_that_there_are() -> None:
    changed = with_pools("main", "batch", recorded=("main",))
    assert labels(changed) == ["main", "batch"], "in the place of main, batch would get its nodes"


def test_pools_of_a_cluster_that_is_made_are_in_the_order_of_the_config() -> None:
    assert labels(with_pools("main", "batch", recorded=())) == ["batch", "main"]


def test_a_pool_that_takes_the_place_of_the_last_one_leaves_the_others_where_they_are() -> None:
    assert labels(with_pools("main", "api", recorded=("main", "batch"))) == ["main", "api"]


def scaled(now: int, **entry: Any) -> Graph:
    """A cluster whose pool main has an autoscaler, that left it with some nodes, and batch with two."""
    raw = copy.deepcopy(fleet_of(1, layers=[]))
    main = {"type": "g6-standard-2", "count": 2, "autoscaler": {"min": 2, "max": 6}} | entry
    raw["clusters"]["m0"]["pools"] = {"batch": {"type": "g6-standard-2"}, "main": main}
    there = [{"name": name, "type": "g6-standard-2", "nodes": nodes} for name, nodes in (("main", now), ("batch", 1))]
    return build(raw, deployed={"clusters": [{"name": "m0", "version": "1.35", "pools": there}]})


@pytest.mark.parametrize(("now", "given"), [(2, 2), (5, 5), (6, 6), (1, 2), (9, 6)])
def test_a_pool_is_given_as_many_nodes_as_its_autoscaler_left_within_its_bounds(now: int, given: int) -> None:
    cluster = scaled(now).one(KIND, "m0-cluster")
    assert [(pool["label"], pool["count"]) for pool in cluster.plain()["pools"]] == [("main", given), ("batch", 1)]
    assert cluster.ignore_changes == (), "the engine would put back what was asked for last, and the provider send it"


def test_a_pool_that_is_made_anew_has_as_many_nodes_as_the_one_before() -> None:
    cluster = scaled(5, type="g6-standard-4").one(KIND, "m0-cluster")
    assert cluster.plain()["pools"][0]["count"] == 5


def test_a_pool_without_an_autoscaler_has_what_its_entry_says_and_who_previews_is_told_what_goes() -> None:
    graph = scaled(5, autoscaler=None)
    assert graph.one(KIND, "m0-cluster").plain()["pools"][0]["count"] == 2
    assert graph.warned == ["m0: pool main has 5 nodes, and main gets 2"]
    assert scaled(9).warned == ["m0: pool main has 9 nodes, and main gets 6"], "its new maximum"
    assert scaled(5).warned == []


def test_whoever_previews_is_told_which_pools_go_with_all_their_nodes() -> None:
    raw = copy.deepcopy(fleet_of(1, layers=[]))
    there = [{"name": name, "type": "g6-standard-2", "nodes": nodes} for name, nodes in (("main", 1), ("old", 3))]
    graph = build(raw, deployed={"clusters": [{"name": "m0", "version": "1.35", "pools": there}]})
    assert graph.warned == ["m0: pool old has 3 nodes, and is removed"]


def test_the_outputs_have_pools_in_the_order_that_they_have_at_linode() -> None:
    raw = copy.deepcopy(fleet_of(1, layers=[]))
    raw["clusters"]["m0"]["pools"] = {"batch": {"type": "g6-standard-4"}, "main": {"type": "g6-standard-2"}}
    pools = [{"name": "main", "type": "g6-standard-2"}]
    graph = build(raw, deployed={"clusters": [{"name": "m0", "version": "1.35", "pools": pools}]})
    [member] = [cluster for cluster in graph.outputs["stack"]["clusters"] if cluster["name"] == "m0"]
    assert member["pools"] == [*pools, {"name": "batch", "type": "g6-standard-4"}]


def test_a_pool_that_there_is_twice_goes_on_with_the_nodes_of_the_larger() -> None:
    pool = NodePool.model_validate({"type": "g6-standard-4", "autoscaler": {"min": 1, "max": 9}})
    there = [
        DeployedPool(name=name, type=machine, nodes=nodes)
        for name, machine, nodes in (("a", "g6-standard-2", 2), ("b", "g6-standard-4", 3), ("a", "g6-standard-4", 5))
    ]
    placed = in_place({"a": pool, "b": pool}, there)
    assert [(name, pool.count) for name, pool in placed.items()] == [("a", 5), ("b", 3)]


def test_a_pool_after_an_empty_place_is_given_its_own_disk_encryption_and_no_other_is_given_any() -> None:
    raw = copy.deepcopy(fleet_of(1, layers=[]))
    raw["clusters"]["m0"]["pools"] = {name: {"type": "g6-standard-2"} for name in ("batch", "main")}
    there = [{"name": "main"}, {"name": "batch", "diskEncryption": "enabled"}]
    now = {"clusters": [{"name": "m0", "version": "1.35", "pools": [{"type": "g6-standard-2"} | it for it in there]}]}
    given = build(raw, deployed=now).one(KIND, "m0-cluster").plain()["pools"]
    assert [pool.get("diskEncryption") for pool in given] == [None, "enabled"]


def test_a_place_that_the_provider_left_empty_is_in_no_output() -> None:
    made = [linode.outputs.LkeClusterPool(label=label, type=kind) for label, kind in ((None, ""), ("a", "g6-nanode-1"))]
    assert listed(made) == [{"name": "a", "type": "g6-nanode-1"}]
    assert listed(None) == []


def test_a_pool_that_is_gone_has_no_place() -> None:
    pool = NodePool(type="g6-standard-2")
    there = [DeployedPool(name=name, type="g6-standard-2") for name in ("gone", "c", "b")]
    assert list(in_place({"a": pool, "b": pool, "c": pool}, there)) == ["c", "b", "a"]


def test_an_acl_refuses_everybody_else() -> None:
    control_plane = cluster_with(acl={"ipv4": ["192.0.2.0/24"], "ipv6": ["2001:db8::/32"]}).plain()["controlPlane"]
    assert control_plane["acl"] == {
        "enabled": True,
        "addresses": [{"ipv4s": ["192.0.2.0/24"], "ipv6s": ["2001:db8::/32"]}],
    }


def test_high_availability_is_named_only_where_it_is_wanted() -> None:
    assert cluster_with(highAvailability=True).plain()["controlPlane"] == {"highAvailability": True}
    assert "controlPlane" not in cluster_with().plain()


def test_a_protected_cluster_is_protected() -> None:
    assert cluster_with(protect=True).protect
    assert not cluster_with().protect


def test_tags_are_those_of_the_stack() -> None:
    graph = build(fleet_of(1, layers=[], tags={"owner": "web", "environment": "dev"}))
    assert {tuple(node.plain()["tags"]) for node in graph.of_type(KIND)} == {("environment:dev", "owner:web")}


def test_nothing_is_put_into_a_cluster_before_its_gate_opens() -> None:
    graph = built(fleet_of(2, layers=[]))
    assert sorted(graph.awaited) == ["m0", "m1", "manager"]
    providers = graph.of_type("pulumi:providers:kubernetes")
    assert {node.name for node in providers} == {f"{name}-provider" for name in graph.awaited}
    for node in providers:
        assert node.plain()["kubeconfig"].endswith(LET_THROUGH), f"{node.name} goes round the gate"
    for name, kubeconfig in unwrap(graph.outputs["stack"])["kubeconfigs"].items():
        assert kubeconfig.endswith(LET_THROUGH), f"whoever takes the kubeconfig of {name} would meet a closed door"


def test_what_is_recorded_of_a_cluster_is_what_linode_says_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded from what was asked for, a version would be the next update's start before the cluster has it."""
    answer = ANSWERS[KIND]
    monkeypatch.setitem(ANSWERS, KIND, lambda args: answer(args) | {"k8sVersion": "1.33"})
    clusters = build(fleet_of(1, layers=[])).outputs["stack"]["clusters"]
    assert [cluster["version"] for cluster in clusters] == ["1.33", "1.33"]


def test_a_provider_keeps_its_identity_when_credentials_are_renewed() -> None:
    graph = built(fleet_of(1, layers=[]))
    provider = graph.one("pulumi:providers:kubernetes", "m0-provider")
    assert provider.plain()["clusterIdentifier"] == str(cluster_id("m0-cluster"))


def test_nodes_are_found_by_their_labels_and_those_of_other_clusters_are_not() -> None:
    labels = ["lke12-34-5f0000", "lke112-34-5f0000", "lke1-12-5f0000", "web-lke12-3"]
    assert [label for label in labels if re.search(node_labels("12"), label)] == ["lke12-34-5f0000"]


def test_node_addresses_come_oldest_node_first() -> None:
    graph = build({**fleet_of(1, layers=[]), "clusters": _three_nodes()})
    ips = graph.outputs["stack"]["nodeIps"]["manager"]
    assert len(ips) == 3
    assert ips == sorted(ips, key=lambda ip: int(ip.rsplit(".", 1)[1])), "the mock answers newest first"


def _three_nodes() -> dict[str, Any]:
    clusters: dict[str, Any] = fleet_of(1)["clusters"]
    clusters["manager"]["pools"]["main"]["count"] = 3
    return clusters


def test_no_instances_give_no_addresses() -> None:
    assert external_ips([]) == []
