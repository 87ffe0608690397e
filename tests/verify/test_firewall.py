"""What counts as a gap in the firewalls before Karmada's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.verify import firewall

if TYPE_CHECKING:
    from operations.claims import Claim

OPERATORS = "203.0.113.0/24"
EU, US = "198.51.100.11", "198.51.100.12"
SOURCES = (OPERATORS, f"{EU}/32", f"{US}/32")
BY_NODE, BY_BALANCER = "https://198.51.100.10:32443", "https://203.0.113.20:5443"
TOUCH = "`kubectl --context hub annotate service karmada-apiserver-public --namespace karmada-system"


def rule(ports: str | None, *networks: str, action: str = "ACCEPT", protocol: str = "TCP") -> dict[str, Any]:
    named = {} if ports is None else {"ports": ports}
    return {"action": action, "protocol": protocol, **named, "addresses": {"ipv4": list(networks)}}


def standing(
    *inbound: dict[str, Any], status: str = "enabled", policy: str = "DROP", number: int = 8
) -> dict[str, Any]:
    return {"id": number, "status": status, "rules": {"inbound_policy": policy, "inbound": list(inbound)}}


def seen(
    *,
    endpoint: str = BY_NODE,
    let_in: tuple[str, ...] = SOURCES,
    devices: tuple[int, ...] = (10,),
    by_hand: tuple[dict[str, Any], ...] = (),
    **changed: Any,
) -> list[Claim]:
    """What is claimed of a manager with Linode 10, and of the members eu and us with one node each.

    `by_hand` and what else is changed are of the firewall that is before Karmada's API; None is one that was deleted.
    """
    balancers = rule("30000-32767", "192.168.255.0/24")
    port = "32443" if endpoint == BY_NODE else "5443"
    before = [] if changed.get("status", "") is None else [standing(rule(port, *let_in), *by_hand, **changed)]
    nodes = [standing(balancers, number=7)]
    if endpoint == BY_NODE:
        nodes = [one | {"id": 7} for one in before]
        for one in nodes:
            one["rules"]["inbound"].append(balancers)
    answers = {
        "lke/clusters": {
            "data": [{"id": 1, "label": "hub-x4f2"}, {"id": 2, "label": "eu-x4f2"}, {"id": 3, "label": "us-x4f2"}]
        },
        "linode/instances": {
            "data": [
                {"id": 10, "lke_cluster_id": 1, "ipv4": ["198.51.100.10"]},
                {"id": 11, "lke_cluster_id": 2, "ipv4": [EU]},
                {"id": 12, "lke_cluster_id": 3, "ipv4": [US]},
                {"id": 13, "lke_cluster_id": None, "ipv4": ["198.51.100.13"]},
            ]
        },
        "networking/firewalls": {"data": [*nodes, standing(number=9, policy="ACCEPT")]},
        "networking/firewalls/7/devices": {"data": [{"entity": {"id": one, "type": "linode"}} for one in devices]},
        "nodebalancers": {"data": [{"id": 5, "ipv4": "203.0.113.20"}, {"id": 6, "ipv4": "203.0.113.21"}]},
        "nodebalancers/5/firewalls": {"data": before},
    }
    outputs = {
        "karmadaEndpoint": endpoint,
        "karmadaFirewall": {"id": "7", "manager": "hub", "sources": list(SOURCES)},
        "clusters": [
            {"name": "hub", "network": None},
            {"name": "eu", "network": "network3"},
            {"name": "us", "network": "network2"},
            {"name": "gone", "network": "network9", "expelled": True},
        ],
    }
    return list(firewall.claims(outputs, lambda path: answers[path.partition("?")[0]]))


@pytest.mark.parametrize("endpoint", [BY_NODE, BY_BALANCER])
def test_where_every_live_node_is_in_the_firewalls_there_is_no_gap(
    endpoint: str,
) -> None:
    claims = seen(endpoint=endpoint)
    assert [claim.holds for claim in claims] == [True, True], claims
    assert claims[0].evidence == f"2 of 2 nodes are in {OPERATORS}, {EU}/32, {US}/32"
    assert claims[1].evidence == "1 of 1 Linodes, enabled, DROP"


@pytest.mark.parametrize("endpoint", [BY_NODE, BY_BALANCER])
def test_a_members_node_that_is_not_let_in_is_a_gap_with_its_remedy(
    endpoint: str,
) -> None:
    let_in, _ = seen(endpoint=endpoint, let_in=(OPERATORS, f"{EU}/32"))
    assert not let_in.holds
    assert let_in.evidence == f"1 of 2 nodes are in {OPERATORS}, {EU}/32, not {US}: `pulumi up` lets them in"


@pytest.mark.parametrize("devices", [(), (11,)])
def test_a_node_of_the_manager_that_is_behind_no_firewall_is_a_gap(devices: tuple[int, ...]) -> None:
    _, behind = seen(devices=devices)
    assert not behind.holds
    assert behind.evidence == "0 of 1 Linodes, enabled, DROP; not 10: `pulumi up` puts them behind it"


@pytest.mark.parametrize("endpoint", [BY_NODE, BY_BALANCER])
@pytest.mark.parametrize("changed", [{"status": None}, {"status": "disabled"}, {"policy": "ACCEPT"}])
def test_a_firewall_that_is_gone_or_disabled_or_drops_nothing_lets_everybody_in(
    changed: dict[str, Any], endpoint: str
) -> None:
    let_in, behind = seen(endpoint=endpoint, **changed)
    assert not let_in.holds
    assert "of which the config does not name 0.0.0.0/0" in let_in.evidence
    assert ("`linode-cli firewalls update ID --status enabled`" in let_in.evidence) is (endpoint == BY_BALANCER)
    assert behind.holds == (endpoint == BY_BALANCER), "of a NodeBalancer it is another firewall"


def test_that_the_firewall_of_the_nodes_is_gone_is_said() -> None:
    _, behind = seen(status=None)
    assert behind.evidence.startswith("0 of 1 Linodes, whose firewall is gone; node ports let in 0.0.0.0/0, ::/0: ")


@pytest.mark.parametrize(("endpoint", "port", "shut"), [(BY_NODE, "32443", "--refresh"), (BY_BALANCER, "5443", TOUCH)])
@pytest.mark.parametrize("spelled", ["{0}", "22, {0}-40000", None])
def test_whoever_is_let_in_by_hand_is_named_with_what_shuts_them_out(
    spelled: str | None, endpoint: str, port: str, shut: str
) -> None:
    ports = spelled.format(port) if spelled else None
    let_in, _ = seen(endpoint=endpoint, by_hand=(rule(ports, "192.0.2.0/25", f"{EU}/32"),))
    assert not let_in.holds
    assert ", of which the config does not name 192.0.2.0/25: " in let_in.evidence
    assert shut in let_in.evidence


@pytest.mark.parametrize(("ports", "holds"), [("31000", False), ("22,30000-30010", False), ("22,10250", True)])
def test_a_node_port_that_is_opened_by_hand_is_a_gap_whatever_leads_to_the_api(ports: str, holds: bool) -> None:
    devices = [{"entity": {"id": 10, "type": "linode"}}]
    claim = firewall.manager_is_behind([standing(rule(ports, "192.0.2.0/25"))], devices, [10], SOURCES)
    assert claim.holds is holds
    assert ("node ports let in 192.0.2.0/25: `pulumi up --refresh`" in claim.evidence) is not holds


def test_only_rules_that_accept_calls_at_the_port_let_somebody_in() -> None:
    rules = [
        rule("32443", "192.0.2.0/25"),
        rule("32443", "192.0.2.128/25", action="DROP"),
        rule("32443", "10.0.0.0/8", protocol="UDP"),
        rule("30000-32442,32444", "10.0.0.0/8"),
        rule("30000-32767", "192.168.255.0/24"),
    ]
    assert firewall.let_in([standing(*rules)], range(32443, 32444)) == ["192.0.2.0/25"]


def test_a_cluster_has_the_name_of_its_label_without_the_suffix() -> None:
    assert [firewall.name_of(label) for label in ("eu-x4f2", "eu-west-0abc")] == ["eu", "eu-west"]


def of_peers(acl: dict[str, Any], *, closed: bool = True) -> list[Claim]:
    """What is claimed of eu, whose control plane has an ACL, beside us with one node and ap with none."""
    clusters = [{"name": "hub", "network": None, "acl": True}, {"name": "eu", "network": "network3", "acl": closed}]
    clusters += [{"name": "us", "network": "network2"}, {"name": "ap", "network": "network1"}]
    answers = {
        "lke/clusters": {"data": [{"id": 2, "label": "eu-x4f2"}, {"id": 3, "label": "us-x4f2"}]},
        "linode/instances": {
            "data": [
                {"id": 11, "lke_cluster_id": 2, "ipv4": [EU]},
                {"id": 12, "lke_cluster_id": 3, "ipv4": [US]},
            ]
        },
        "lke/clusters/2/control_plane_acl": {"acl": acl},
    }
    return list(firewall.peers({"clusters": clusters}, lambda path: answers[path.partition("?")[0]]))


def test_a_control_plane_that_lets_in_every_live_node_of_its_peers_has_no_gap() -> None:
    (claim,) = of_peers({"enabled": True, "addresses": {"ipv4": [OPERATORS, f"{US}/32"], "ipv6": []}})
    assert claim.holds, claim
    assert claim.text == "the control plane of eu lets in every node that the other members have now"
    assert claim.evidence == f"1 of 1 nodes are in {OPERATORS}, {US}/32"


def test_a_peers_node_that_a_control_plane_does_not_let_in_is_a_gap_with_its_remedy() -> None:
    (claim,) = of_peers({"enabled": True, "addresses": {"ipv4": [OPERATORS], "ipv6": []}})
    assert not claim.holds
    assert claim.evidence == f"0 of 1 nodes are in {OPERATORS}; not {US}: `pulumi up` lets them in"


def test_a_control_plane_whose_acl_is_off_or_that_has_none_has_no_gap() -> None:
    (claim,) = of_peers({"enabled": False, "addresses": {"ipv4": [OPERATORS]}})
    assert claim.holds, claim
    assert of_peers({}, closed=False) == []
