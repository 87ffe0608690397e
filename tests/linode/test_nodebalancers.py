"""Load balancers, as a cloud controller makes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.linode.backend import Action, BackendError
from sandbox.linode.limits import UNLIMITED
from sandbox.linode.server import LinodeApi, LinodeApiArgs
from tests.linode.conftest import LinodeUser, client_of, eventually, problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.linode.balancers import BalancerSpec


def test_a_balancer_has_an_address_until_it_is_deleted(user: LinodeUser) -> None:
    first = user.post("/nodebalancers", {"region": "eu-west", "label": "ccm-1"})
    second = user.post("/nodebalancers", {"region": "eu-west"})
    assert first["ipv4"].startswith("203.0.113.")
    assert first["ipv4"] != second["ipv4"]
    assert second["label"] == f"balancer{second['id']}"
    assert user.data("/nodebalancers", x_filter=json.dumps({"ipv4": first["ipv4"]})) == [first]
    user.delete(f"/nodebalancers/{first['id']}")
    user.get(f"/nodebalancers/{first['id']}", expect=404)
    assert user.post("/nodebalancers", {"region": "eu-west"})["ipv4"] not in (first["ipv4"], second["ipv4"])


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


class Carrier:
    """Carries no traffic, and remembers what it was told to carry."""

    def __init__(self) -> None:
        self.told: tuple[BalancerSpec, ...] = ()
        self.found: frozenset[tuple[int, str]] | None = None
        self.refusals = 0

    async def reconcile(self, balancers: Sequence[BalancerSpec]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise BackendError("not yet")
        self.told = tuple(balancers)

    async def answering(self, balancer_id: int) -> frozenset[tuple[int, str]] | None:
        return self.found


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
def owner(carrier: Carrier) -> Iterator[LinodeUser]:
    with LinodeApi(LinodeApiArgs(balancers=carrier, limits=UNLIMITED)) as api, client_of(api, api.token) as client:
        yield LinodeUser(client=client)


def test_whoever_carries_the_traffic_is_told_after_every_change(owner: LinodeUser, carrier: Carrier) -> None:
    config = {"port": 443, "protocol": "tcp", "nodes": [{"address": "198.51.100.10:30443", "label": "one"}]}
    made = owner.post("/nodebalancers", {"region": "eu-west", "configs": [config]})
    eventually(lambda: len(carrier.told) == 1, "it is told of a new one")
    [port] = carrier.told[0].ports
    assert (carrier.told[0].address, port.port, port.protocol) == (made["ipv4"], 443, "tcp")
    assert (port.check.kind, port.check.interval, port.algorithm) == ("none", 5, "roundrobin"), "the API's defaults"
    assert [target.address for target in port.targets] == ["198.51.100.10:30443"]

    path = f"/nodebalancers/{made['id']}"
    [shown] = owner.data(f"{path}/configs")
    owner.put(f"{path}/configs/{shown['id']}", {"proxy_protocol": "v2"})
    eventually(lambda: carrier.told[0].ports[0].proxy_protocol == "v2", "of a setting")
    owner.put(path, {"client_conn_throttle": 5})
    eventually(lambda: carrier.told[0].connections_a_second == 5, "of a limit")
    rules = {"inbound_policy": "DROP", "outbound_policy": "ACCEPT"}
    firewall = owner.post("/networking/firewalls", {"label": "door", "rules": rules})
    owner.post(f"/networking/firewalls/{firewall['id']}/devices", {"id": made["id"], "type": "nodebalancer"})
    eventually(lambda: carrier.told[0].firewall is not None, "of a firewall")
    assert carrier.told[0].firewall is not None
    assert carrier.told[0].firewall.inbound.policy is Action.DROP
    owner.delete(f"{path}/configs/{shown['id']}")
    eventually(lambda: carrier.told[0].ports == (), "of a port that went")
    owner.delete(path)
    eventually(lambda: carrier.told == (), "and of its end")


def test_who_cannot_carry_it_yet_is_told_again(owner: LinodeUser, carrier: Carrier) -> None:
    carrier.refusals = 2
    owner.post("/nodebalancers", {"region": "eu-west"})
    eventually(lambda: len(carrier.told) == 1, "it is told again")


def test_a_backend_is_up_if_whoever_carries_the_traffic_found_it_so(owner: LinodeUser, carrier: Carrier) -> None:
    nodes = [{"address": f"198.51.100.{host}:30080", "label": f"node-{host}"} for host in (10, 11)]
    made = owner.post("/nodebalancers", {"region": "eu-west", "configs": [{"port": 80, "nodes": nodes}]})
    carrier.found = frozenset({(80, "198.51.100.11:30080"), (443, "198.51.100.10:30080")})
    path = f"/nodebalancers/{made['id']}/configs"
    [config] = owner.data(path)
    assert config["nodes_status"] == {"up": 1, "down": 1}
    assert [node["status"] for node in owner.data(f"{path}/{config['id']}/nodes")] == ["DOWN", "UP"]
