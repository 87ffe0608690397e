"""LKE clusters: made at once, ready later, changed within the rules, and gone with their nodes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.linode.conftest import Clock, LinodeUser, eventually, problems

VALID: dict[str, Any] = {
    "label": "eu",
    "region": "eu-west",
    "k8s_version": "1.35",
    "node_pools": [{"type": "g6-standard-1", "count": 1}],
}


def test_creating_answers_at_once_and_nodes_become_ready_later(user: LinodeUser, clock: Clock) -> None:
    cluster = user.cluster(count=2)
    pools = f"/lke/clusters/{cluster['id']}/pools"

    def statuses() -> list[str]:
        return [node["status"] for node in user.data(pools)[0]["nodes"]]

    assert statuses() == ["not_ready", "not_ready"]
    eventually(lambda: _known(user, cluster["id"], clock), "the backend knows the cluster")
    clock.now += 30
    eventually(lambda: statuses() == ["ready", "ready"], "both nodes are ready 30 s later")


def _known(user: LinodeUser, cluster_id: int, clock: Clock) -> bool:
    clock.now += 10
    return user.client.get(f"/v4/lke/clusters/{cluster_id}/kubeconfig").status_code == 200


def test_a_cluster_shows_what_was_asked_for(user: LinodeUser) -> None:
    cluster = user.cluster(tags=["platform"], control_plane={"high_availability": True})
    shown = user.get(f"/lke/clusters/{cluster['id']}")
    assert shown == cluster
    assert {name: shown[name] for name in ("label", "region", "k8s_version", "tags")} == {
        "label": "eu",
        "region": "eu-west",
        "k8s_version": "1.35",
        "tags": ["platform"],
    }
    assert shown["control_plane"]["high_availability"] is True


def test_a_tier_is_asked_for_told_and_filtered_by_below_v4beta_alone(user: LinodeUser, beta_user: LinodeUser) -> None:
    made = beta_user.cluster(tier="standard")
    path = f"/lke/clusters/{made['id']}"
    told = [made, beta_user.get(path), *beta_user.data("/lke/clusters", x_filter='{"tier": "standard"}')]
    changed = beta_user.put(path, {})
    assert [one["tier"] for one in (*told, changed)] == ["standard"] * 4
    assert user.get(path) == {name: value for name, value in changed.items() if name != "tier"}
    assert not any(
        "tier" in one for one in (*user.data("/lke/clusters"), user.put(path, {}), user.cluster("ap", tier=7))
    )
    assert problems(user.get("/lke/clusters", x_filter='{"tier": "standard"}', expect=400)) == {
        "X-Filter": "Cannot filter on tier"
    }


@pytest.mark.parametrize(
    ("tier", "field", "reason"),
    [
        ("gold", "tier", "Must be one of standard, enterprise"),
        ("enterprise", "k8s_version", "k8s_version is not valid"),
    ],
)
def test_a_tier_that_is_not_there_is_refused(beta_user: LinodeUser, tier: str, field: str, reason: str) -> None:
    assert problems(beta_user.post("/lke/clusters", VALID | {"tier": tier}, expect=400)) == {field: reason}


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"label": None}, "label", "label is required"),
        ({"label": ""}, "label", "Length must be 1-32 characters"),
        ({"label": "e" * 33}, "label", "Length must be 1-32 characters"),
        ({"label": "-eu"}, "label", "Must start with a letter"),
        ({"label": "e u"}, "label", "Must start with a letter"),
        ({"label": 7}, "label", "Must be of type String"),
        ({"region": None}, "region", "region is required"),
        ({"region": "mars"}, "region", "region is not valid"),
        ({"k8s_version": None}, "k8s_version", "k8s_version is required"),
        ({"k8s_version": "1.23"}, "k8s_version", "k8s_version is not valid"),
        ({"k8s_version": 1.35}, "k8s_version", "Must be of type String"),
        ({"tags": ["ab"]}, "tags[0]", "Length must be 3-50 characters"),
        ({"tags": "abc"}, "tags", "Must be of type Array"),
        ({"node_pools": {}}, "node_pools", "Must be of type Array"),
        ({"node_pools": [7]}, "node_pools[0]", "Must be of type Object"),
        ({"node_pools": [{"count": 1}]}, "node_pools[0].type", "type is required"),
        ({"node_pools": [{"type": "g6-standard-1"}]}, "node_pools[0].count", "count is required"),
        ({"node_pools": [{"type": "g6-standard-3", "count": 1}]}, "node_pools[0].type", "type is not valid"),
        ({"node_pools": [{"type": "g6-nanode-1", "count": 1}]}, "node_pools[0].type", "type is not valid"),
        ({"node_pools": [{"type": "g7-premium-2", "count": 1}]}, "node_pools[0].type", "type is not valid"),
        ({"node_pools": [{"type": "g6-standard-1", "count": 0}]}, "node_pools[0].count", "Must be between 1 and 100"),
        ({"control_plane": {"high_availability": "yes"}}, "control_plane.high_availability", "Must be of type Boolean"),
        ({"control_plane": {"acl": {"enabled": 1}}}, "control_plane.acl.enabled", "Must be of type Boolean"),
        (
            {"control_plane": {"acl": {"addresses": {"ipv4": ["10.0.0.300"]}}}},
            "control_plane.acl.addresses.ipv4[0]",
            "Must be an IPv4 address",
        ),
        (
            {"control_plane": {"acl": {"addresses": {"ipv6": ["10.0.0.3"]}}}},
            "control_plane.acl.addresses.ipv6[0]",
            "Must be an IPv6 address",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_field(
    careless_user: LinodeUser, change: dict[str, Any], field: str, reason: str
) -> None:
    found = problems(careless_user.post("/lke/clusters", {**VALID, **change}, expect=400))
    assert found.keys() == {field}
    assert found[field].startswith(reason)
    assert careless_user.data("/lke/clusters") == [], "a refused request must leave nothing behind"
    assert careless_user.data("/linode/instances") == []


def test_all_mistakes_are_reported_together(user: LinodeUser) -> None:
    body = {**VALID, "region": "mars", "k8s_version": "9.9", "node_pools": [{"type": "x", "count": 1}]}
    found = problems(user.post("/lke/clusters", body, expect=400))
    assert found.keys() == {"region", "k8s_version", "node_pools[0].type"}


def test_labels_are_unique(user: LinodeUser) -> None:
    first = user.cluster("eu")
    assert "label" in problems(user.post("/lke/clusters", VALID, expect=400))
    second = user.cluster("ap")
    assert "label" in problems(user.put(f"/lke/clusters/{second['id']}", {"label": "eu"}, expect=400))
    user.put(f"/lke/clusters/{first['id']}", {"label": "eu"})
    user.delete(f"/lke/clusters/{first['id']}")
    user.cluster("eu")


def test_an_update_keeps_what_it_leaves_out(user: LinodeUser) -> None:
    cluster = user.cluster(tags=["platform"])
    path = f"/lke/clusters/{cluster['id']}"
    changed = user.put(path, {"label": "eu-2"})
    assert (changed["label"], changed["tags"]) == ("eu-2", ["platform"])
    assert user.put(path, {"tags": []})["tags"] == []


def test_kubernetes_goes_one_minor_version_up_and_never_down(user: LinodeUser) -> None:
    path = f"/lke/clusters/{user.cluster(k8s_version='1.34')['id']}"
    assert "1.35" in problems(user.put(path, {"k8s_version": "1.36"}, expect=400))["k8s_version"]
    assert user.put(path, {"k8s_version": "1.35"})["k8s_version"] == "1.35"
    assert "k8s_version" in problems(user.put(path, {"k8s_version": "1.34"}, expect=400))
    assert problems(user.put(path, {"k8s_version": "1.99"}, expect=400))["k8s_version"] == "k8s_version is not valid"
    assert user.put(path, {"k8s_version": "1.35"})["k8s_version"] == "1.35", "its own version is no upgrade"


def test_high_availability_cannot_be_turned_off(user: LinodeUser) -> None:
    path = f"/lke/clusters/{user.cluster()['id']}"
    assert user.put(path, {"control_plane": {"high_availability": True}})["control_plane"]["high_availability"]
    refused = user.put(path, {"control_plane": {"high_availability": False}}, expect=400)
    assert "control_plane.high_availability" in problems(refused)
    assert user.get(path)["control_plane"]["high_availability"] is True


def test_deleting_takes_the_nodes_along_and_leaves_balancers_and_volumes_to_be_paid_for(user: LinodeUser) -> None:
    cluster, other = user.cluster("eu", count=2), user.cluster("ap")
    node = next(item for item in user.data("/linode/instances") if item["lke_cluster_id"] == cluster["id"])
    tags = [f"lke{cluster['id']}"]
    config = {"port": 443, "nodes": [{"address": f"{node['ipv4'][0]}:30080", "label": "here"}]}
    balancer = user.post("/nodebalancers", {"region": "eu-west", "tags": tags, "configs": [config]})
    detached = user.post("/volumes", {"label": "pvc1", "region": "eu-west", "tags": tags})
    attached = user.post("/volumes", {"label": "pvc2", "linode_id": node["id"]})

    user.delete(f"/lke/clusters/{cluster['id']}")

    user.get(f"/lke/clusters/{cluster['id']}", expect=404)
    assert {item["lke_cluster_id"] for item in user.data("/linode/instances")} == {other["id"]}
    shown = user.get(f"/nodebalancers/{balancer['id']}")
    assert (shown["ipv4"], shown["tags"], shown["lke_cluster"]) == (balancer["ipv4"], tags, None)
    [port] = user.data(f"/nodebalancers/{balancer['id']}/configs")
    assert port["nodes_status"] == {"up": 0, "down": 1}, "its backend went with the cluster"
    assert [item["id"] for item in user.data("/volumes")] == [detached["id"], attached["id"]]
    assert user.get(f"/volumes/{attached['id']}")["linode_id"] is None, "the volume's Linode is gone"


def test_what_a_deleted_cluster_left_can_be_deleted(user: LinodeUser) -> None:
    cluster = user.cluster()
    [node] = user.data("/linode/instances")
    tags = [f"lke{cluster['id']}"]
    balancer = user.post("/nodebalancers", {"region": "eu-west", "tags": tags})
    volume = user.post("/volumes", {"label": "pvc1", "linode_id": node["id"], "tags": tags})
    user.delete(f"/lke/clusters/{cluster['id']}")
    user.delete(f"/nodebalancers/{balancer['id']}")
    user.delete(f"/volumes/{volume['id']}")
    assert (user.data("/nodebalancers"), user.data("/volumes")) == ([], [])


def test_a_deleted_cluster_is_found_nowhere_below_its_path(user: LinodeUser) -> None:
    cluster = user.cluster()
    pool = user.data(f"/lke/clusters/{cluster['id']}/pools")[0]
    user.delete(f"/lke/clusters/{cluster['id']}")
    user.delete(f"/lke/clusters/{cluster['id']}", expect=404)
    for path in ("pools", f"pools/{pool['id']}", f"nodes/{pool['nodes'][0]['id']}", "kubeconfig", "control_plane_acl"):
        user.get(f"/lke/clusters/{cluster['id']}/{path}", expect=404)
    user.post(f"/lke/clusters/{cluster['id']}/recycle", expect=404)


def test_a_cluster_may_start_with_no_pool(user: LinodeUser) -> None:
    cluster = user.post("/lke/clusters", {"label": "bare", "region": "eu-west", "k8s_version": "1.35"})
    assert user.data(f"/lke/clusters/{cluster['id']}/pools") == []


@pytest.mark.parametrize("cluster_id", ["0", "-1", "abc", "1e3", "9" * 30, "9" * 6000, "%00", "%EF%BC%91"])
def test_an_id_that_is_none_is_not_found(careless_user: LinodeUser, cluster_id: str) -> None:
    assert problems(careless_user.get(f"/lke/clusters/{cluster_id}", expect=404)) == {None: "Not found"}
