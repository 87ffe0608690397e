"""The rules that Linode takes for a firewall, and those that it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.linode.conftest import LinodeUser, problems
from tests.linode.firewalls import FIREWALLS, SSH, ruleset, wanted


def test_rules_are_shown_as_they_were_given_and_no_more(user: LinodeUser) -> None:
    ping = {"action": "DROP", "protocol": "ICMP", "addresses": {"ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]}}
    rules = user.post(FIREWALLS, wanted(rules=ruleset(ping)))["rules"]
    assert rules["inbound"] == [ping], "what was not given, like ports, is left out as Linode leaves it out"
    nothing = {"inbound": None, "inbound_policy": "ACCEPT", "outbound": None, "outbound_policy": "ACCEPT"}
    assert user.post(FIREWALLS, wanted("open", rules=nothing))["rules"]["outbound"] is None


def test_every_change_of_the_rules_is_a_new_version(user: LinodeUser) -> None:
    made = user.post(FIREWALLS, wanted())
    path = f"{FIREWALLS}/{made['id']}/rules"
    assert user.get(path) == made["rules"]
    changed = user.put(path, ruleset(SSH, SSH | {"ports": "80, 443-445"}))
    assert (changed["version"], len(changed["inbound"])) == (2, 2)
    assert changed["fingerprint"] != made["rules"]["fingerprint"]
    assert user.get(f"{FIREWALLS}/{made['id']}")["rules"] == changed == user.get(path)
    assert user.put(path, changed) == changed, "what a client read can be sent back, and changes nothing"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action": "REJECT"}, "action"),
        ({"protocol": "tcp"}, "protocol"),
        ({"protocol": "ALL"}, "protocol"),
        ({"protocol": "ICMP"}, "ports"),
        ({"protocol": "IPENCAP"}, "ports"),
        ({"label": "ab"}, "label"),
        ({"label": "a" * 33}, "label"),
        ({"description": ""}, "description"),
        ({"description": "a" * 101}, "description"),
        ({"addresses": None}, "addresses"),
        ({"addresses": {}}, "addresses"),
        ({"addresses": {"ipv4": []}}, "addresses.ipv4"),
        ({"addresses": {"ipv4": ["192.0.2.0/24", "192.0.2.1"]}}, "addresses.ipv4[1]"),
        ({"addresses": {"ipv4": ["192.0.2.1/24"]}}, "addresses.ipv4[0]"),
        ({"addresses": {"ipv4": ["192.0.2.0/255.255.255.0"]}}, "addresses.ipv4[0]"),
        ({"addresses": {"ipv4": ["192.0.2.0/33"]}}, "addresses.ipv4[0]"),
        ({"addresses": {"ipv4": ["::/0"]}}, "addresses.ipv4[0]"),
        ({"addresses": {"ipv6": ["2001:db8::1"]}}, "addresses.ipv6[0]"),
        ({"addresses": {"ipv4": ["0.0.0.0/0"] * 200, "ipv6": ["::/0"] * 56}}, "addresses"),
    ],
)
def test_a_mistake_in_a_rule_is_refused_with_its_field(
    careless_user: LinodeUser, change: dict[str, Any], field: str
) -> None:
    body = wanted(rules=ruleset(SSH, {**SSH, **change}))
    assert problems(careless_user.post(FIREWALLS, body, expect=400)).keys() == {f"rules.inbound[1].{field}"}


@pytest.mark.parametrize(
    "ports",
    [
        *("", "0", "080", "65536", "22-22", "24-22", "22,", "22;80", "22,  80", "http", "1-2-3", " 22"),
        # A range counts twice: these are 16 pieces.
        "1-2,3-4,5-6,7-8,9-10,11-12,13-14,15,16",
    ],
)
def test_ports_that_linode_does_not_take_are_refused(careless_user: LinodeUser, ports: str) -> None:
    body = wanted(rules=ruleset({**SSH, "ports": ports}))
    assert problems(careless_user.post(FIREWALLS, body, expect=400)).keys() == {"rules.inbound[0].ports"}


@pytest.mark.parametrize("ports", ["1", "65535", "22-24, 80, 443", "22,80", "1-2,3-4,5-6,7-8,9-10,11-12,13-14,15"])
def test_ports_can_be_single_ranges_and_lists(user: LinodeUser, ports: str) -> None:
    made = user.post(FIREWALLS, wanted(rules=ruleset({**SSH, "ports": ports})))
    assert made["rules"]["inbound"][0]["ports"] == ports


def test_a_firewall_has_25_rules_at_most(user: LinodeUser) -> None:
    made = user.post(FIREWALLS, wanted(rules={**ruleset(*[SSH] * 12), "outbound": [SSH] * 13}))
    path = f"{FIREWALLS}/{made['id']}/rules"
    user.put(path, {**made["rules"], "inbound": [SSH] * 13}, expect=400)
    assert user.get(path) == made["rules"]
