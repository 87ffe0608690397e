"""Cloud Firewalls: their rules, what they are assigned to, and what Linode refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs
from sandbox.linode.backend import Action, FirewallRule
from sandbox.linode.simulated import SimulatedBackend
from tests.linode.conftest import VERSIONS, LinodeUser, client_of, eventually, problems
from tests.linode.firewalls import FIREWALLS, SSH, ruleset, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.linode.backend import ClusterSpec, Firewall


def _linode(user: LinodeUser, label: str = "eu") -> int:
    """The Linode of a new cluster's one node."""
    cluster = user.cluster(label)
    (linode,) = [item["id"] for item in user.data("/linode/instances") if item["lke_cluster_id"] == cluster["id"]]
    return int(linode)


def _actions(user: LinodeUser) -> list[str]:
    """What happened to firewalls, oldest first."""
    events = reversed(user.data("/account/events"))
    return [event["action"] for event in events if event["action"].startswith("firewall")]


def test_a_firewall_is_enabled_from_the_start_and_shows_what_it_is_assigned_to(user: LinodeUser) -> None:
    linode, balancer = _linode(user), user.post("/nodebalancers", {"region": "eu-west"})["id"]
    made = user.post(FIREWALLS, wanted(devices={"linodes": [linode], "nodebalancers": [balancer]}, tags=["fleet"]))
    assert (made["status"], made["tags"], made["rules"]["version"]) == ("enabled", ["fleet"], 1)
    assert [(entity["type"], entity["id"]) for entity in made["entities"]] == [
        ("linode", linode),
        ("nodebalancer", balancer),
    ]
    assert user.get(f"{FIREWALLS}/{made['id']}") == made
    assert user.data(f"/linode/instances/{linode}/firewalls") == [made]
    assert user.data(f"/nodebalancers/{balancer}/firewalls") == [made]
    assert user.data(FIREWALLS, x_filter=json.dumps({"label": "door"})) == [made]
    assert user.data(FIREWALLS, x_filter=json.dumps({"label": "window"})) == []


def test_a_firewall_is_renamed_disabled_and_enabled(user: LinodeUser) -> None:
    path = f"{FIREWALLS}/{user.post(FIREWALLS, wanted(tags=['fleet']))['id']}"
    assert user.put(path, {"label": "gate"})["tags"] == ["fleet"], "what is left out stays"
    assert user.put(path, {"status": "disabled"})["status"] == "disabled"
    assert user.put(path, {"status": "enabled", "tags": []})["status"] == "enabled"
    assert _actions(user) == ["firewall_create", "firewall_update", "firewall_disable", "firewall_enable"]


def test_devices_come_and_go_with_events_that_name_both(user: LinodeUser) -> None:
    linode = _linode(user)
    firewall = user.post(FIREWALLS, wanted())["id"]
    devices = f"{FIREWALLS}/{firewall}/devices"
    device = user.post(devices, {"id": linode, "type": "linode"})
    assert device["entity"]["url"] == f"/v4/linode/instances/{linode}"
    assert user.data(devices) == [device] == [user.get(f"{devices}/{device['id']}")]
    event = user.data("/account/events")[0]
    assert (event["entity"]["type"], event["secondary_entity"]["id"]) == ("firewall", linode)
    user.delete(f"{devices}/{device['id']}")
    assert user.data(devices) == user.data(f"/linode/instances/{linode}/firewalls") == []
    user.get(f"{devices}/{device['id']}", expect=404)
    assert _actions(user) == ["firewall_create", "firewall_device_add", "firewall_device_remove"]


def test_a_device_of_another_firewall_is_not_found(user: LinodeUser) -> None:
    linode = _linode(user)
    first, second = (user.post(FIREWALLS, wanted(label))["id"] for label in ("one", "two"))
    device = user.post(f"{FIREWALLS}/{first}/devices", {"id": linode, "type": "linode"})["id"]
    user.get(f"{FIREWALLS}/{second}/devices/{device}", expect=404)
    user.delete(f"{FIREWALLS}/{second}/devices/{device}", expect=404)


def test_a_service_has_one_enabled_firewall_at_a_time(user: LinodeUser) -> None:
    linode = _linode(user)
    user.post(FIREWALLS, wanted("one", devices={"linodes": [linode]}))
    refused = user.post(FIREWALLS, wanted("two", devices={"linodes": [linode]}), expect=400)
    assert problems(refused).keys() == {"devices.linodes[0]"}
    second = user.post(FIREWALLS, wanted("two"))["id"]
    devices = f"{FIREWALLS}/{second}/devices"
    assert problems(user.post(devices, {"id": linode, "type": "linode"}, expect=400)).keys() == {"id"}
    user.put(f"{FIREWALLS}/{second}", {"status": "disabled"})
    user.post(devices, {"id": linode, "type": "linode"})
    assert problems(user.put(f"{FIREWALLS}/{second}", {"status": "enabled"}, expect=400)).keys() == {"status"}
    assert [item["status"] for item in user.data(f"/linode/instances/{linode}/firewalls")] == ["enabled", "disabled"]


def test_a_firewall_is_assigned_to_a_service_once(user: LinodeUser) -> None:
    linode = _linode(user)
    firewall = user.post(FIREWALLS, wanted(devices={"linodes": [linode, linode]}))["id"]
    devices = f"{FIREWALLS}/{firewall}/devices"
    assert len(user.data(devices)) == 1
    assert problems(user.post(devices, {"id": linode, "type": "linode"}, expect=400)).keys() == {"id"}


def test_what_goes_is_no_device_any_more(user: LinodeUser) -> None:
    linode, balancer = _linode(user), user.post("/nodebalancers", {"region": "eu-west"})["id"]
    made = user.post(FIREWALLS, wanted(devices={"linodes": [linode], "nodebalancers": [balancer]}))
    user.delete(f"/nodebalancers/{balancer}")
    assert [entity["id"] for entity in user.get(f"{FIREWALLS}/{made['id']}")["entities"]] == [linode]
    (cluster,) = user.data("/lke/clusters")
    user.delete(f"/lke/clusters/{cluster['id']}")
    assert user.data(f"{FIREWALLS}/{made['id']}/devices") == []


def test_a_firewall_with_devices_can_be_deleted(user: LinodeUser) -> None:
    linode = _linode(user)
    made = user.post(FIREWALLS, wanted(devices={"linodes": [linode]}))
    user.delete(f"{FIREWALLS}/{made['id']}")
    user.get(f"{FIREWALLS}/{made['id']}", expect=404)
    assert user.data(f"/linode/instances/{linode}/firewalls") == user.data(FIREWALLS) == []
    user.post(FIREWALLS, wanted(devices={"linodes": [linode]}))


def test_a_balancer_can_be_made_with_a_firewall(user: LinodeUser) -> None:
    firewall = user.post(FIREWALLS, wanted())["id"]
    balancer = user.post("/nodebalancers", {"region": "eu-west", "firewall_id": firewall})["id"]
    assert [item["id"] for item in user.data(f"/nodebalancers/{balancer}/firewalls")] == [firewall]
    refused = user.post("/nodebalancers", {"region": "eu-west", "firewall_id": 7}, expect=400)
    assert problems(refused).keys() == {"firewall_id"}
    assert len(user.data("/nodebalancers")) == 1, "a refused balancer must leave nothing behind"


@pytest.mark.parametrize(
    "label", ["ab", "a" * 33, "-door", "door-", "do--or", "do__or", "do..or", "do or", "dör", "_door", "door."]
)
def test_a_label_that_linode_does_not_take_is_refused(careless_user: LinodeUser, label: str) -> None:
    assert problems(careless_user.post(FIREWALLS, wanted(label), expect=400)).keys() == {"label"}


def test_a_label_is_the_accounts_only_one(user: LinodeUser) -> None:
    user.post(FIREWALLS, wanted("fleet.karmada_door-1"))
    other = user.post(FIREWALLS, wanted("other"))["id"]
    assert problems(user.post(FIREWALLS, wanted("other"), expect=400)).keys() == {"label"}
    renamed = user.put(f"{FIREWALLS}/{other}", {"label": "fleet.karmada_door-1"}, expect=400)
    assert problems(renamed).keys() == {"label"}
    user.put(f"{FIREWALLS}/{other}", {"label": "other"})


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"label", "rules"}),
        (wanted(rules={}), {"rules.inbound_policy", "rules.outbound_policy"}),
        (wanted(rules={**ruleset(), "outbound": [SSH] * 25, "inbound": [SSH]}), {"rules"}),
        (
            wanted(devices={"linodes": [7], "nodebalancers": [8]}),
            {"devices.linodes[0]", "devices.nodebalancers[0]"},
        ),
        (wanted(devices={"linode_interfaces": [7]}), {"devices.linode_interfaces"}),
    ],
)
def test_a_mistake_is_refused_with_its_field(careless_user: LinodeUser, body: dict[str, Any], fields: set[str]) -> None:
    assert problems(careless_user.post(FIREWALLS, body, expect=400)).keys() == fields
    assert careless_user.data(FIREWALLS) == []


class RecordingBackend(SimulatedBackend):
    """Simulated clusters, and what stands before their nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.firewalls: dict[int, Firewall | None] = {}

    async def reconcile(self, cluster: ClusterSpec) -> None:
        await super().reconcile(cluster)
        self.firewalls |= {node.instance_id: node.firewall for pool in cluster.pools for node in pool.nodes}


def test_the_backend_is_told_what_stands_before_each_node() -> None:
    backend = RecordingBackend()
    args = LinodeApiArgs(limits=UNLIMITED, kubernetes_versions=VERSIONS, backend=backend)
    with LinodeApi(args) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        guarded, other = _linode(user, "eu"), _linode(user, "us")
        path = f"{FIREWALLS}/{user.post(FIREWALLS, wanted(devices={'linodes': [guarded]}))['id']}"

        def told(rules: int | None) -> bool:
            firewall = backend.firewalls[guarded]
            return (None if firewall is None else len(firewall.inbound.rules)) == rules

        eventually(lambda: told(1), "the firewall stands before the node")
        firewall = backend.firewalls[guarded]
        assert firewall is not None
        assert (firewall.inbound.policy, firewall.outbound.policy) == (Action.DROP, Action.ACCEPT)
        assert firewall.inbound.rules == (
            FirewallRule(action=Action.ACCEPT, protocol="TCP", ports="22", networks=("192.0.2.0/24",)),
        )
        user.put(f"{path}/rules", ruleset())
        eventually(lambda: told(0), "its rules have changed")
        user.put(path, {"status": "disabled"})
        eventually(lambda: told(None), "it is disabled")
        user.put(path, {"status": "enabled"})
        eventually(lambda: told(0), "it is enabled")
        (device,) = user.data(f"{path}/devices")
        user.delete(f"{path}/devices/{device['id']}")
        eventually(lambda: told(None), "the node is no device any more")
        user.post(f"{path}/devices", {"id": guarded, "type": "linode"})
        eventually(lambda: told(0), "it is one again")
        user.delete(path)
        eventually(lambda: told(None), "the firewall is gone")
        assert backend.firewalls[other] is None


@pytest.fixture
def reader(request: pytest.FixtureRequest) -> Iterator[LinodeUser]:
    """Someone whose token has one scope."""
    tokens = (AccessToken(secret="a" * 64), AccessToken(secret="b" * 64, scopes=request.param))
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, tokens=tokens)) as api, client_of(api, "b" * 64) as client:
        yield LinodeUser(client=client)


@pytest.mark.parametrize("reader", ["firewall:read_only"], indirect=True)
def test_who_may_read_firewalls_cannot_change_them(reader: LinodeUser) -> None:
    assert reader.data(FIREWALLS) == []
    reader.post(FIREWALLS, wanted(), expect=401)
    reader.delete(f"{FIREWALLS}/1", expect=401)


@pytest.mark.parametrize("reader", ["linodes:read_write"], indirect=True)
def test_who_may_change_linodes_sees_no_firewalls_but_theirs(reader: LinodeUser) -> None:
    reader.get(FIREWALLS, expect=401)
    reader.get("/linode/instances/1/firewalls", expect=404)
