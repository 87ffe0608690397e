"""Load balancers, as a cloud controller makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.linode.conftest import LinodeUser, problems


def test_a_balancer_has_an_address_until_it_is_deleted(user: LinodeUser) -> None:
    first = user.post("/nodebalancers", {"region": "eu-west", "label": "ccm-1"})
    second = user.post("/nodebalancers", {"region": "eu-west"})
    assert first["ipv4"].startswith("203.0.113.")
    assert first["ipv4"] != second["ipv4"]
    assert second["label"] == f"balancer{second['id']}"
    assert user.data("/nodebalancers", x_filter=json.dumps({"ipv4": first["ipv4"]})) == [first]
    user.delete(f"/nodebalancers/{first['id']}")
    user.get(f"/nodebalancers/{first['id']}", expect=404)
    assert user.post("/nodebalancers", {"region": "eu-west"})["ipv4"] == first["ipv4"], "the address is free again"


def test_a_balancer_names_the_cluster_whose_tag_it_has(user: LinodeUser) -> None:
    cluster = user.cluster("eu")
    balancer = user.post("/nodebalancers", {"region": "eu-west", "tags": ["web", f"lke{cluster['id']}"]})
    assert balancer["lke_cluster"] == {
        "id": cluster["id"],
        "label": "eu",
        "type": "lkecluster",
        "url": f"/v4/lke/clusters/{cluster['id']}",
    }
    assert user.post("/nodebalancers", {"region": "eu-west", "tags": ["lke1"]})["lke_cluster"] is None


def test_a_balancer_can_come_with_its_ports_and_backends(user: LinodeUser) -> None:
    user.cluster()
    node = user.data("/linode/instances")[0]["ipv4"][0]
    backends = [{"address": f"{node}:30080", "label": "here"}, {"address": "198.51.100.200:30080", "label": "gone"}]
    config = {"port": 443, "protocol": "tcp", "check": "connection", "nodes": backends}
    balancer = user.post("/nodebalancers", {"region": "eu-west", "configs": [config]})
    path = f"/nodebalancers/{balancer['id']}/configs"
    shown = user.data(path)[0]
    assert (shown["port"], shown["protocol"], shown["check"], shown["algorithm"]) == (
        443,
        "tcp",
        "connection",
        "roundrobin",
    )
    assert shown["nodes_status"] == {"up": 1, "down": 1}
    assert [(item["address"], item["status"]) for item in user.data(f"{path}/{shown['id']}/nodes")] == [
        (f"{node}:30080", "UP"),
        ("198.51.100.200:30080", "DOWN"),
    ]


def test_ports_and_backends_are_made_changed_rebuilt_and_removed(user: LinodeUser) -> None:
    balancer = user.post("/nodebalancers", {"region": "eu-west"})
    configs = f"/nodebalancers/{balancer['id']}/configs"
    config = user.post(configs, {"port": 80})
    path = f"{configs}/{config['id']}"
    assert user.put(path, {"port": 8080, "check": "http", "check_path": "/healthz"})["port"] == 8080
    assert user.get(path)["check_path"] == "/healthz"

    backend = user.post(f"{path}/nodes", {"address": "198.51.100.10:1", "label": "one"})
    assert (backend["weight"], backend["mode"]) == (50, "accept")
    changed = user.put(f"{path}/nodes/{backend['id']}", {"mode": "drain"})
    assert (changed["mode"], changed["label"]) == ("drain", "one")
    assert user.get(f"{path}/nodes/{backend['id']}") == changed

    rebuilt = [{"address": "198.51.100.11:2", "label": "two"}, {"address": "198.51.100.12:2", "label": "three"}]
    user.post(f"{path}/rebuild", {"port": 80, "nodes": rebuilt})
    nodes = user.data(f"{path}/nodes")
    assert [node["label"] for node in nodes] == ["two", "three"]
    user.delete(f"{path}/nodes/{nodes[0]['id']}")
    assert len(user.data(f"{path}/nodes")) == 1
    user.delete(path)
    assert user.data(configs) == []
    user.get(f"{path}/nodes", expect=404)


def test_an_update_keeps_what_it_leaves_out(user: LinodeUser) -> None:
    made = user.post("/nodebalancers", {"region": "eu-west", "tags": ["web"], "client_conn_throttle": 5})
    changed = user.put(f"/nodebalancers/{made['id']}", {"label": "renamed"})
    assert (changed["label"], changed["tags"], changed["client_conn_throttle"]) == ("renamed", ["web"], 5)
    assert user.put(f"/nodebalancers/{made['id']}", {"tags": []})["tags"] == []


def test_two_configurations_cannot_share_a_port(user: LinodeUser) -> None:
    configs = f"/nodebalancers/{user.post('/nodebalancers', {'region': 'eu-west'})['id']}/configs"
    user.post(configs, {"port": 80})
    assert problems(user.post(configs, {"port": 80}, expect=400)).keys() == {"port"}
    other = user.post(configs, {"port": 81})
    assert problems(user.put(f"{configs}/{other['id']}", {"port": 80}, expect=400)).keys() == {"port"}
    twice = {"region": "eu-west", "configs": [{"port": 1}, {"port": 1}]}
    assert problems(user.post("/nodebalancers", twice, expect=400)).keys() == {"port"}
    assert len(user.data("/nodebalancers")) == 1, "a refused balancer must leave nothing behind"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "region"),
        ({"region": "mars"}, "region"),
        ({"region": "eu-west", "label": "ab"}, "label"),
        ({"region": "eu-west", "label": "a b c"}, "label"),
        ({"region": "eu-west", "client_conn_throttle": 21}, "client_conn_throttle"),
        ({"region": "eu-west", "configs": [{"port": 0}]}, "configs[0].port"),
        ({"region": "eu-west", "configs": [{"port": 65536}]}, "configs[0].port"),
        ({"region": "eu-west", "configs": [{"protocol": "sctp"}]}, "configs[0].protocol"),
        ({"region": "eu-west", "configs": [{"check_interval": 1}]}, "configs[0].check_interval"),
        ({"region": "eu-west", "configs": [{"nodes": [{"label": "abc"}]}]}, "configs[0].nodes[0].address"),
    ],
)
def test_a_mistake_is_refused_with_its_field(careless_user: LinodeUser, body: dict[str, Any], field: str) -> None:
    assert problems(careless_user.post("/nodebalancers", body, expect=400)).keys() == {field}
    assert careless_user.data("/nodebalancers") == []


@pytest.mark.parametrize("address", ["", "1.2.3.4", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:x", "host:80", ":80"])
def test_a_backend_needs_an_address_and_a_port(user: LinodeUser, address: str) -> None:
    balancer = user.post("/nodebalancers", {"region": "eu-west", "configs": [{"port": 80}]})
    config = user.data(f"/nodebalancers/{balancer['id']}/configs")[0]
    path = f"/nodebalancers/{balancer['id']}/configs/{config['id']}/nodes"
    assert problems(user.post(path, {"address": address, "label": "abc"}, expect=400)).keys() == {"address"}
