"""Firewall and FirewallDevice against the emulated API: what is asked for is what stands before a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.plugins.framework import UNKNOWN, Properties, ProviderError, Secret
from sandbox.plugins.linode.firewall import Firewall
from sandbox.plugins.linode.firewall_device import FirewallDevice
from tests.plugins.calls import Calls

if TYPE_CHECKING:
    from sandbox.plugins.linode.api import Api
    from sandbox.plugins.linode.connection import Connection

_SSH: Properties = {"action": "ACCEPT", "label": "ssh", "protocol": "TCP", "ports": "22", "ipv4s": ["192.0.2.0/24"]}


@pytest.fixture
def firewalls(connection: Connection) -> Calls:
    return Calls(Firewall(connection))


@pytest.fixture
def devices(connection: Connection) -> Calls:
    return Calls(FirewallDevice(connection))


@pytest.fixture
def nodes(api: Api) -> list[int]:
    """The Linodes of a cluster of three nodes."""
    pool = {"type": "g6-standard-1", "count": 3}
    api.post("/lke/clusters", {"label": "eu", "region": "eu-west", "k8s_version": "1.35", "node_pools": [pool]})
    return [instance["id"] for instance in api.list("/linode/instances")]


def _inputs(**changes: Any) -> Properties:
    defaults: Properties = {
        "inboundPolicy": "DROP",
        "inbounds": [dict(_SSH)],
        "label": "door",
        "outboundPolicy": "ACCEPT",
    }
    return {name: value for name, value in (defaults | changes).items() if value is not None}


def _live(api: Api, identity: str) -> list[int]:
    """The entities that a firewall is assigned to."""
    return [device["entity"]["id"] for device in api.list(f"/networking/firewalls/{identity}/devices")]


def test_a_new_firewall_is_recorded_with_its_devices(firewalls: Calls, api: Api, nodes: list[int]) -> None:
    created = firewalls.create(**_inputs(linodes=nodes[:2], tags=["fleet"]))
    live = api.get(f"/networking/firewalls/{created.id}")
    assert (live["label"], live["status"], live["tags"]) == ("door", "enabled", ["fleet"])
    assert live["rules"]["inbound"] == [
        {
            "action": "ACCEPT",
            "protocol": "TCP",
            "label": "ssh",
            "ports": "22",
            "addresses": {"ipv4": ["192.0.2.0/24"]},
        }
    ]
    outputs = dict(created.outputs)
    assert [device["entityId"] for device in outputs["devices"]] == nodes[:2] == outputs["linodes"]
    assert (outputs["nodebalancers"], outputs["disabled"], outputs["version"]) == ([], False, 1)
    assert outputs["created"].endswith("Z")


def test_the_same_program_changes_nothing_after_a_refresh(firewalls: Calls, nodes: list[int]) -> None:
    inputs = _inputs(linodes=list(reversed(nodes)), tags=["Fleet"])
    created = firewalls.create(**inputs)
    found = firewalls.read(created.id, inputs, dict(created.outputs))
    assert found is not None
    assert found.inputs == inputs
    assert firewalls.diff(dict(found.inputs), inputs).properties == {}


def test_an_import_gives_the_inputs_that_a_program_needs(firewalls: Calls, nodes: list[int]) -> None:
    inputs = _inputs(linodes=nodes)
    found = firewalls.read(firewalls.create(**inputs).id)
    assert found is not None
    assert firewalls.diff(dict(found.inputs), inputs).properties == {}, found.inputs
    assert firewalls.read("7") is None


@pytest.mark.parametrize(
    ("path", "change", "shown"),
    [
        ("", {"status": "disabled"}, "disabled"),
        ("", {"tags": ["mine"]}, "tags[0]"),
        ("", {"label": "gate"}, "label"),
        ("/rules", {"outbound": [{"action": "ACCEPT", "protocol": "ICMP", "addresses": {"ipv6": ["::/0"]}}]}, "out"),
        ("/rules", {"inbound_policy": "ACCEPT"}, "inboundPolicy"),
    ],
)
def test_what_somebody_changed_by_hand_shows_after_a_refresh(
    firewalls: Calls, api: Api, path: str, change: dict[str, Any], shown: str
) -> None:
    inputs = _inputs()
    created = firewalls.create(**inputs)
    live = f"/networking/firewalls/{created.id}{path}"
    api.put(live, (api.get(live) if path else {}) | change)
    found = firewalls.read(created.id, inputs, dict(created.outputs))
    assert found is not None
    (changed,) = firewalls.diff(dict(found.inputs), inputs).properties
    assert changed.startswith(shown)
    outputs = firewalls.update(created.id, dict(found.inputs), dict(found.outputs), **inputs)
    again = firewalls.read(created.id, inputs, outputs)
    assert again is not None
    assert again.inputs == inputs, "the update undid it"


def test_a_wider_rule_shows_where_the_program_said_nothing_of_it(firewalls: Calls, api: Api) -> None:
    inputs = _inputs()
    created = firewalls.create(**inputs)
    path = f"/networking/firewalls/{created.id}/rules"
    rules = api.get(path)
    rules["inbound"][0]["addresses"]["ipv6"] = ["::/0"]
    api.put(path, rules)
    found = firewalls.read(created.id, inputs, dict(created.outputs))
    assert found is not None
    assert set(firewalls.diff(dict(found.inputs), inputs).properties) == {"inbounds[0].ipv6s"}


def test_devices_become_those_that_the_program_names(firewalls: Calls, api: Api, nodes: list[int]) -> None:
    inputs = _inputs(linodes=nodes[:2])
    created = firewalls.create(**inputs)
    kept = api.list(f"/networking/firewalls/{created.id}/devices")[1]["id"]
    changed = _inputs(linodes=nodes[1:])
    assert firewalls.diff(inputs, changed).replaces == []
    outputs = firewalls.update(created.id, inputs, dict(created.outputs), **changed)
    assert sorted(_live(api, created.id)) == nodes[1:] == outputs["linodes"]
    assert kept in [device["id"] for device in api.list(f"/networking/firewalls/{created.id}/devices")]
    stale = [device["entityId"] for device in outputs["devices"]]
    assert stale == nodes[:2], "as with the official provider, until a refresh"


def test_devices_that_the_program_does_not_name_are_left_alone(firewalls: Calls, api: Api, nodes: list[int]) -> None:
    inputs = _inputs()
    created = firewalls.create(**inputs)
    api.post(f"/networking/firewalls/{created.id}/devices", {"id": nodes[0], "type": "linode"})
    firewalls.update(created.id, inputs, dict(created.outputs), **_inputs(label="gate"))
    found = firewalls.read(created.id, inputs, dict(created.outputs))
    assert found is not None
    assert "linodes" not in found.inputs
    assert _live(api, created.id) == nodes[:1]


def test_a_recycled_nodes_place_shows_after_a_refresh(firewalls: Calls, api: Api, nodes: list[int]) -> None:
    inputs = _inputs(linodes=nodes)
    created = firewalls.create(**inputs)
    (cluster,) = api.list("/lke/clusters")
    (pool,) = api.list(f"/lke/clusters/{cluster['id']}/pools")
    api.remove(f"/lke/clusters/{cluster['id']}/nodes/{pool['nodes'][0]['id']}")
    found = firewalls.read(created.id, inputs, dict(created.outputs))
    assert found is not None
    assert found.inputs["linodes"] == nodes[1:]


def test_rules_policies_and_the_rest_change_in_place(firewalls: Calls, api: Api) -> None:
    inputs = _inputs()
    created = firewalls.create(**inputs)
    changed = _inputs(label="gate", tags=["fleet"], inbounds=None, outbounds=[dict(_SSH)], outboundPolicy="DROP")
    outputs = firewalls.update(created.id, inputs, dict(created.outputs), **changed)
    live = api.get(f"/networking/firewalls/{created.id}")
    assert (live["label"], live["tags"], live["rules"]["version"]) == ("gate", ["fleet"], 2)
    assert (live["rules"]["inbound"], len(live["rules"]["outbound"])) == ([], 1)
    assert (outputs["inbounds"], outputs["version"]) == ([], 2)
    assert outputs["fingerprint"] == live["rules"]["fingerprint"] != created.outputs["fingerprint"]


def test_a_firewall_can_be_made_disabled_and_enabled_later(firewalls: Calls, api: Api) -> None:
    inputs = _inputs(disabled=True)
    created = firewalls.create(**inputs)
    assert api.get(f"/networking/firewalls/{created.id}")["status"] == "disabled"
    firewalls.update(created.id, inputs, dict(created.outputs), **_inputs())
    assert api.get(f"/networking/firewalls/{created.id}")["status"] == "enabled"


def test_a_preview_knows_what_was_given_and_no_device(firewalls: Calls) -> None:
    planned = firewalls.preview(**_inputs(linodes=UNKNOWN))
    assert (planned["label"], planned["disabled"], planned["tags"]) == ("door", False, [])
    assert planned["devices"] is planned["linodes"] is planned["status"] is UNKNOWN


def test_what_came_in_secret_stays_secret(firewalls: Calls) -> None:
    networks = Secret(["192.0.2.0/24"])
    created = firewalls.create(**_inputs(inbounds=[_SSH | {"ipv4s": networks}]))
    assert created.outputs["inbounds"][0]["ipv4s"] == networks
    inputs = _inputs(inbounds=[_SSH | {"ipv4s": networks}])
    found = firewalls.read(created.id, inputs, dict(created.outputs))
    assert found is not None
    assert found.inputs == inputs


def test_a_firewall_is_deleted_with_its_devices(firewalls: Calls, api: Api, nodes: list[int]) -> None:
    created = firewalls.create(**_inputs(linodes=nodes))
    firewalls.delete(created.id)
    assert api.find(f"/networking/firewalls/{created.id}") is None
    assert api.list(f"/linode/instances/{nodes[0]}/firewalls") == []
    with pytest.raises(ProviderError, match=r"\[404\]"):
        firewalls.delete(created.id)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"label": "ab"}, "label"),
        ({"inboundPolicy": "REJECT"}, "inboundPolicy"),
        ({"inbounds": [_SSH | {"label": "a" * 33}]}, "inbounds[0].label"),
        ({"inbounds": [_SSH | {"action": "accept"}]}, "inbounds[0].action"),
        ({"inbounds": [_SSH | {"protocol": "SCTP"}]}, "inbounds[0].protocol"),
        ({"inbounds": [_SSH | {"protocol": "256"}]}, "inbounds[0].protocol"),
        ({"inbounds": [_SSH | {"ports": ""}]}, "inbounds[0].ports"),
        ({"inbounds": [_SSH | {"ipv4s": []}]}, "inbounds[0].ipv4s"),
        ({"inbounds": [_SSH | {"ipv4s": ["192.0.2.1"]}]}, "inbounds[0].ipv4s[0]"),
        ({"outbounds": [_SSH | {"ipv6s": ["192.0.2.0/24"]}]}, "outbounds[0].ipv6s[0]"),
        ({"outbounds": [{"action": "DROP", "protocol": "TCP"}]}, "outbounds[0].label"),
        ({"devices": []}, "devices"),
    ],
)
def test_a_mistake_is_refused_before_the_api_is_asked(firewalls: Calls, change: Properties, path: str) -> None:
    assert [failure.path for failure in firewalls.check(**_inputs(**change))] == [path]


def test_what_is_not_known_yet_is_no_mistake(firewalls: Calls) -> None:
    rule = dict.fromkeys(_SSH, UNKNOWN)
    networks = _SSH | {"ipv4s": [UNKNOWN]}
    assert firewalls.check(**_inputs(label=UNKNOWN, inbounds=[rule, networks], outbounds=UNKNOWN)) == []


def test_protocols_that_not_every_account_has_are_left_to_the_api(firewalls: Calls) -> None:
    inputs = _inputs(inbounds=[{"action": "ACCEPT", "label": "all", "protocol": "ALL", "ipv4s": ["0.0.0.0/0"]}])
    with pytest.raises(ProviderError, match=r"\[400\] rules\.inbound\[0\]\.protocol"):
        firewalls.create(**inputs)


def test_a_device_is_made_found_and_removed(firewalls: Calls, devices: Calls, api: Api, nodes: list[int]) -> None:
    firewall = firewalls.create(**_inputs()).id
    inputs: Properties = {"firewallId": int(firewall), "entityId": nodes[0]}
    created = devices.create(**inputs)
    assert created.outputs["entityType"] == "linode"
    found = devices.read(created.id, inputs, dict(created.outputs))
    assert found is not None
    assert (found.inputs, found.outputs) == (inputs, created.outputs)
    imported = devices.read(f"{firewall},{created.id}")
    assert imported is not None
    assert imported.outputs == created.outputs
    assert devices.diff(dict(imported.inputs), inputs).properties == {}
    with pytest.raises(ProviderError, match="FIREWALL,DEVICE"):
        devices.read(created.id)
    for _ in range(2):
        devices.delete(created.id, dict(created.outputs))
    assert devices.read(created.id, inputs, dict(created.outputs)) is None
    assert _live(api, firewall) == []


def test_another_entity_is_another_device(devices: Calls) -> None:
    old: Properties = {"firewallId": 1, "entityId": 2}
    assert devices.diff(old, {"firewallId": 1, "entityId": 3}).replaces == ["entityId"]
    assert devices.diff(old, old | {"entityType": "linode"}).properties == {}
