"""Node pools and nodes: resized, scaled within limits, recycled one by one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.linode.conftest import Clock, LinodeUser, eventually, problems


@pytest.fixture
def pools(user: LinodeUser) -> str:
    """The path of the pools of a cluster that has none yet."""
    body = {"label": "eu", "region": "eu-west", "k8s_version": "1.35"}
    return f"/lke/clusters/{user.post('/lke/clusters', body)['id']}/pools"


@pytest.fixture(scope="module")
def bare(careless_user: LinodeUser) -> str:
    """The path of the pools of a cluster that never gets one."""
    body = {"label": "bare", "region": "eu-west", "k8s_version": "1.35"}
    return f"/lke/clusters/{careless_user.post('/lke/clusters', body)['id']}/pools"


def _pool(user: LinodeUser, pools: str, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = user.post(pools, {"type": "g6-standard-1", "count": 1, **fields})
    return made


def test_a_pool_shows_what_was_asked_for(user: LinodeUser, pools: str) -> None:
    wanted = {
        "count": 2,
        "label": "workers",
        "tags": ["mesh"],
        "labels": {"example.com/role": "worker", "tier": "back"},
        "taints": [{"key": "example.com/only", "value": "mesh", "effect": "NoSchedule"}],
        "disks": [{"size": 1024, "type": "ext4"}],
        "disk_encryption": "enabled",
        "autoscaler": {"enabled": True, "min": 1, "max": 3},
        "firewall_id": 7,
    }
    pool = _pool(user, pools, **wanted)
    assert {name: pool[name] for name in wanted} == wanted
    assert user.get(f"{pools}/{pool['id']}") == pool
    assert user.data(pools) == [pool]
    assert len({node["id"] for node in pool["nodes"]}) == 2


def test_a_pool_that_does_not_scale_shows_its_count_as_limits(user: LinodeUser, pools: str) -> None:
    pool = _pool(user, pools, count=2)
    assert pool["autoscaler"] == {"enabled": False, "min": 2, "max": 2}
    assert user.put(f"{pools}/{pool['id']}", {"count": 3})["autoscaler"] == {"enabled": False, "min": 3, "max": 3}


def test_resizing_keeps_the_oldest_nodes(user: LinodeUser, pools: str) -> None:
    pool = _pool(user, pools, count=2)
    before = [node["id"] for node in pool["nodes"]]
    grown = user.put(f"{pools}/{pool['id']}", {"count": 3})
    assert [node["id"] for node in grown["nodes"]][:2] == before
    shrunk = user.put(f"{pools}/{pool['id']}", {"count": 1})
    assert [node["id"] for node in shrunk["nodes"]] == before[:1]
    assert len(user.data("/linode/instances")) == 1


def test_an_update_keeps_what_it_leaves_out(user: LinodeUser, pools: str) -> None:
    pool = _pool(user, pools, tags=["mesh"], labels={"role": "worker"}, count=2)
    changed = user.put(f"{pools}/{pool['id']}", {"taints": [{"key": "k", "effect": "NoExecute"}]})
    assert changed["taints"] == [{"key": "k", "value": None, "effect": "NoExecute"}]
    assert {**changed, "taints": []} == pool


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"count": 101}, "count"),
        ({"count": "2"}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": True}, "count"),
        ({"autoscaler": {"enabled": True, "min": 3, "max": 2}}, "autoscaler"),
        ({"autoscaler": {"enabled": True, "min": 1}}, "autoscaler"),
        ({"autoscaler": {"enabled": True, "min": 0, "max": 2}}, "autoscaler.min"),
        ({"autoscaler": {"enabled": True, "min": 1, "max": 101}}, "autoscaler.max"),
        ({"autoscaler": {"enabled": True, "min": 2, "max": 3}, "count": 1}, "count"),
        ({"autoscaler": {"enabled": True, "min": 2, "max": 3}, "count": 4}, "count"),
        ({"labels": {"kubernetes.io/role": "x"}}, "labels.kubernetes.io/role.[key]"),
        ({"labels": {"node.lke.linode.com/x": "x"}}, "labels.node.lke.linode.com/x.[key]"),
        ({"labels": {"role": "no spaces"}}, "labels.role"),
        ({"labels": {"role": 1}}, "labels.role"),
        ({"labels": {"/x": "x"}}, "labels./x.[key]"),
        ({"taints": [{"key": "k", "value": value, "effect": "NoExecute"} for value in "ab"]}, "taints"),
        ({"taints": [{"key": "k", "effect": "Never"}]}, "taints[0].effect"),
        ({"taints": [{"effect": "NoSchedule"}]}, "taints[0].key"),
        ({"taints": [{"key": "k", "value": "v v", "effect": "NoSchedule"}]}, "taints[0].value"),
        ({"disks": [{"size": 0, "type": "ext4"}]}, "disks[0].size"),
        ({"disks": [{"size": 1, "type": "ntfs"}]}, "disks[0].type"),
        ({"disk_encryption": "perhaps"}, "disk_encryption"),
        ({"tags": ["t" * 51]}, "tags[0]"),
        ({"type": "g1-gpu-rtx6000-1"}, "type"),
    ],
)
def test_a_mistake_is_refused_with_its_field(
    careless_user: LinodeUser, bare: str, fields: dict[str, Any], field: str
) -> None:
    refused = careless_user.post(bare, {"type": "g6-standard-1", "count": 1, **fields}, expect=400)
    assert problems(refused).keys() == {field}
    assert careless_user.data(bare) == []


def test_a_count_outside_the_autoscaler_is_refused_and_new_limits_move_it(user: LinodeUser, pools: str) -> None:
    path = f"{pools}/{_pool(user, pools, count=2, autoscaler={'enabled': True, 'min': 1, 'max': 3})['id']}"
    assert problems(user.put(path, {"count": 4}, expect=400)).keys() == {"count"}
    moved = user.put(path, {"autoscaler": {"enabled": True, "min": 4, "max": 6}})
    assert moved["count"] == 4
    stopped = user.put(path, {"autoscaler": {"enabled": False}})
    assert (stopped["count"], stopped["autoscaler"]) == (4, {"enabled": False, "min": 4, "max": 4})


def test_a_pool_of_another_cluster_is_not_found(user: LinodeUser, pools: str) -> None:
    pool = _pool(user, pools)
    other = f"/lke/clusters/{user.cluster('other')['id']}"
    user.get(f"{other}/pools/{pool['id']}", expect=404)
    user.put(f"{other}/pools/{pool['id']}", {"count": 2}, expect=404)
    user.delete(f"{other}/pools/{pool['id']}", expect=404)
    user.get(f"{other}/nodes/{pool['nodes'][0]['id']}", expect=404)
    assert user.get(f"{pools}/{pool['id']}")["count"] == 1


def test_deleting_a_pool_takes_its_nodes(user: LinodeUser, pools: str) -> None:
    keep, drop = _pool(user, pools), _pool(user, pools, count=2)
    user.delete(f"{pools}/{drop['id']}")
    assert [pool["id"] for pool in user.data(pools)] == [keep["id"]]
    assert [item["id"] for item in user.data("/linode/instances")] == [keep["nodes"][0]["instance_id"]]


def test_deleting_a_node_shrinks_its_pool_but_not_to_nothing(user: LinodeUser, pools: str) -> None:
    pool = _pool(user, pools, count=2)
    nodes = pools.removesuffix("pools") + "nodes"
    user.delete(f"{nodes}/{pool['nodes'][0]['id']}")
    left = user.get(f"{pools}/{pool['id']}")
    assert (left["count"], left["autoscaler"]["max"]) == (1, 1)
    user.delete(f"{nodes}/{pool['nodes'][1]['id']}", expect=400)
    user.delete(f"{nodes}/{pool['nodes'][0]['id']}", expect=404)


def test_an_autoscaled_pool_keeps_its_minimum(user: LinodeUser, pools: str) -> None:
    pool = _pool(user, pools, count=2, autoscaler={"enabled": True, "min": 2, "max": 3})
    user.delete(f"{pools.removesuffix('pools')}nodes/{pool['nodes'][0]['id']}", expect=400)


def test_recycling_replaces_nodes_one_by_one(user: LinodeUser, pools: str, clock: Clock) -> None:
    pool = _pool(user, pools, count=2)
    before = {node["id"] for node in pool["nodes"]}
    path = f"{pools}/{pool['id']}"

    def nodes() -> set[str]:
        return {node["id"] for node in user.get(path)["nodes"]}

    user.post(f"{path}/recycle")
    eventually(lambda: len(nodes() & before) == 1, "the first node is replaced")
    assert len(nodes()) == 2
    # The clock stands still, so the new node is not ready, and the second has to wait for it.
    assert len(nodes() & before) == 1
    clock.now += 30
    eventually(lambda: not nodes() & before, "the second is replaced when the first is ready")


def test_recycling_one_node_leaves_the_others(user: LinodeUser, pools: str, clock: Clock) -> None:
    pool = _pool(user, pools, count=2)
    old, kept = (node["id"] for node in pool["nodes"])

    def nodes() -> set[str]:
        return {node["id"] for node in user.get(f"{pools}/{pool['id']}")["nodes"]}

    user.post(f"{pools.removesuffix('pools')}nodes/{old}/recycle")

    def replaced() -> bool:
        # The other node has to be ready before this one may go.
        clock.now += 30
        return old not in nodes()

    eventually(replaced, "the node is replaced")
    assert kept in nodes()


def test_an_upgraded_cluster_gives_recycled_nodes_its_new_version(user: LinodeUser, clock: Clock) -> None:
    cluster = user.cluster(k8s_version="1.34", count=1)
    path = f"/lke/clusters/{cluster['id']}"
    before = user.data(f"{path}/pools")[0]["nodes"][0]["id"]
    user.put(path, {"k8s_version": "1.35"})
    assert user.data(f"{path}/pools")[0]["nodes"][0]["id"] == before, "an upgrade alone recycles nothing"
    user.post(f"{path}/recycle")
    eventually(lambda: user.data(f"{path}/pools")[0]["nodes"][0]["id"] != before, "the node is replaced")
