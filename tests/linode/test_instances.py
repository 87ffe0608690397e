"""The machines of LKE nodes, as Linode instances."""

from __future__ import annotations

import json

from tests.linode.conftest import Clock, LinodeUser, eventually


def test_every_node_is_an_instance(user: LinodeUser) -> None:
    cluster = user.cluster(count=2, node_pools=[{"type": "g6-standard-2", "count": 2, "tags": ["mesh"]}])
    pool = user.data(f"/lke/clusters/{cluster['id']}/pools")[0]
    instances = user.data("/linode/instances")
    assert [item["id"] for item in instances] == [node["instance_id"] for node in pool["nodes"]]
    assert [item["label"] for item in instances] == [f"lke{cluster['id']}-{node['id']}" for node in pool["nodes"]]
    for item in instances:
        assert (item["region"], item["type"], item["tags"]) == ("eu-west", "g6-standard-2", ["mesh"])
        assert item["specs"]["memory"] == 4096
        assert item["lke_cluster_id"] == cluster["id"]
        assert item["ipv4"][0].startswith("198.51.100.")
        assert user.get(f"/linode/instances/{item['id']}") == item
    assert len({item["ipv4"][0] for item in instances}) == 2


def test_a_machine_runs_before_its_node_is_ready(user: LinodeUser, clock: Clock) -> None:
    cluster = user.cluster()

    def seen() -> tuple[str, str]:
        node = user.data(f"/lke/clusters/{cluster['id']}/pools")[0]["nodes"][0]
        return user.data("/linode/instances")[0]["status"], node["status"]

    assert seen() == ("provisioning", "not_ready")
    eventually(
        lambda: user.client.get(f"/v4/lke/clusters/{cluster['id']}/kubeconfig").status_code == 503,
        "the cluster is being made",
    )

    def running() -> bool:
        clock.now += 5
        return seen()[0] == "running"

    eventually(running, "the machine runs")
    assert seen() == ("running", "not_ready")
    clock.now += 30
    assert seen() == ("running", "ready")


def test_instances_are_found_by_id_label_and_tag(user: LinodeUser) -> None:
    user.cluster("eu", node_pools=[{"type": "g6-standard-1", "count": 2, "tags": ["mesh"]}])
    user.cluster("ap", region="ap-south")
    first, second, other = user.data("/linode/instances")
    by_ids = {"+or": [{"id": first["id"]}, {"id": other["id"]}]}
    assert user.data("/linode/instances", x_filter=json.dumps(by_ids)) == [first, other]
    assert user.data("/linode/instances", x_filter=json.dumps({"label": second["label"]})) == [second]
    assert user.data("/linode/instances", x_filter=json.dumps({"tags": "mesh"})) == [first, second]
    assert user.data("/linode/instances", x_filter=json.dumps({"region": {"+neq": "eu-west"}})) == [other]


def test_an_instance_lists_its_volumes_and_balancers(user: LinodeUser) -> None:
    user.cluster()
    node = user.data("/linode/instances")[0]
    volume = user.post("/volumes", {"label": "data", "linode_id": node["id"]})
    backend = {"address": f"{node['ipv4'][0]}:30080", "label": "node"}
    balancer = user.post("/nodebalancers", {"region": "eu-west", "configs": [{"port": 80, "nodes": [backend]}]})
    user.post("/nodebalancers", {"region": "eu-west"})
    assert user.data(f"/linode/instances/{node['id']}/volumes") == [volume]
    assert user.data(f"/linode/instances/{node['id']}/nodebalancers") == [balancer]
    user.get("/linode/instances/1/volumes", expect=404)
    user.get("/linode/instances/1", expect=404)


def test_instances_cannot_be_made_or_removed_by_hand(user: LinodeUser) -> None:
    user.cluster()
    node = user.data("/linode/instances")[0]
    user.post("/linode/instances", {"region": "eu-west", "type": "g6-standard-1"}, expect=405)
    user.delete(f"/linode/instances/{node['id']}", expect=405)


def test_an_instance_has_what_the_official_providers_get_instances_asks_for(user: LinodeUser) -> None:
    user.cluster(node_pools=[{"type": "g6-standard-1", "count": 2, "disks": [{"size": 1024, "type": "raw"}]}])
    first, second = user.data("/linode/instances")
    [address] = user.get(f"/linode/instances/{first['id']}/ips")["ipv4"]["public"]
    assert [address["address"]] == first["ipv4"]
    boot, extra = user.data(f"/linode/instances/{first['id']}/disks")
    assert (boot["filesystem"], extra["filesystem"]) == ("ext4", "raw")
    assert boot["size"] + extra["size"] == first["specs"]["disk"]
    [profile] = user.data(f"/linode/instances/{first['id']}/configs")
    assert profile["devices"]["sda"]["disk_id"] == boot["id"]
    assert {boot["id"], extra["id"]}.isdisjoint(
        disk["id"] for disk in user.data(f"/linode/instances/{second['id']}/disks")
    )
    for part in ("ips", "disks", "configs"):
        user.get(f"/linode/instances/1/{part}", expect=404)


def test_a_machine_that_is_shut_down_stays_off_until_it_is_booted(user: LinodeUser, clock: Clock) -> None:
    cluster = user.cluster()
    path = f"/linode/instances/{user.data('/linode/instances')[0]['id']}"

    def seen() -> tuple[str, str]:
        node = user.data(f"/lke/clusters/{cluster['id']}/pools")[0]["nodes"][0]
        return user.get(path)["status"], node["status"]

    def up() -> bool:
        clock.now += 5
        return seen() == ("running", "ready")

    eventually(up, "the node is ready")
    user.post(f"{path}/shutdown")
    eventually(lambda: seen() == ("offline", "not_ready"), "the machine is off")
    clock.now += 100
    assert seen() == ("offline", "not_ready")
    before = user.get(path)
    user.post(f"{path}/boot")
    eventually(up, "the node is back")
    assert user.get(path)["ipv4"] == before["ipv4"], "it is the same machine"
    actions = [event["action"] for event in user.data("/account/events")]
    assert {"linode_shutdown", "linode_boot"} <= set(actions)
