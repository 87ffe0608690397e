"""What counts as a gap in the firewalls before Karmada's API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fleet.karmada.firewall import ACL_ANNOTATION
from sandbox.kubernetes.layout import Layout
from sandbox.verify import firewall
from sandbox.verify.member import View

if TYPE_CHECKING:
    from pathlib import Path

    from operations.claims import Claim

OPERATORS = "203.0.113.0/24"
EU, US = "198.51.100.11", "198.51.100.12"
BY_NODE, BY_BALANCER = "https://198.51.100.10:32443", "https://203.0.113.20:5443"


def rule(ports: str, *networks: str, action: str = "ACCEPT", protocol: str = "TCP") -> dict[str, Any]:
    return {"action": action, "protocol": protocol, "ports": ports, "addresses": {"ipv4": list(networks)}}


def seen(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    endpoint: str = BY_NODE,
    let_in: tuple[str, ...] = (OPERATORS, f"{EU}/32", f"{US}/32"),
    devices: tuple[int, ...] = (10,),
    status: str = "enabled",
    policy: str = "DROP",
) -> list[Claim]:
    """What is claimed of a manager with Linode 10, and of the members eu and us with one node each."""
    inbound = [rule("32443", *let_in)] if endpoint == BY_NODE else []
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
        "networking/firewalls/7": {"status": status, "rules": {"inbound_policy": policy, "inbound": inbound}},
        "networking/firewalls/7/devices": {"data": [{"entity": {"id": one, "type": "linode"}} for one in devices]},
    }
    annotations = {ACL_ANNOTATION: json.dumps({"allowList": {"ipv4": let_in}})}
    monkeypatch.setattr(View, "get", lambda _self, *_what: {"metadata": {"annotations": annotations}})
    outputs = {
        "karmadaEndpoint": endpoint,
        "karmadaFirewall": {"id": "7"},
        "clusters": [
            {"name": "hub", "network": None},
            {"name": "eu", "network": "network3"},
            {"name": "us", "network": "network2"},
            {"name": "gone", "network": "network9", "expelled": True},
        ],
    }
    manager = View(name="hub", kubeconfig=tmp_path, layout=Layout("any"))
    return list(firewall.claims(outputs, manager, lambda path: answers[path.partition("?")[0]]))


@pytest.mark.parametrize("endpoint", [BY_NODE, BY_BALANCER])
def test_where_every_live_node_is_in_the_firewalls_there_is_no_gap(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    claims = seen(monkeypatch, tmp_path, endpoint=endpoint)
    assert [claim.holds for claim in claims] == [True, True], claims
    assert claims[0].evidence == f"2 of 2 nodes are in {OPERATORS}, {EU}/32, {US}/32"
    assert claims[1].evidence == "1 of 1 Linodes, enabled, DROP"


@pytest.mark.parametrize("endpoint", [BY_NODE, BY_BALANCER])
def test_a_members_node_that_is_not_let_in_is_a_gap_with_its_remedy(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    let_in, _ = seen(monkeypatch, tmp_path, endpoint=endpoint, let_in=(OPERATORS, f"{EU}/32"))
    assert not let_in.holds
    assert let_in.evidence == f"1 of 2 nodes are in {OPERATORS}, {EU}/32, not {US}: `pulumi up` lets them in"


@pytest.mark.parametrize("changed", [{"devices": ()}, {"devices": (11,)}, {"status": "disabled"}, {"policy": "ACCEPT"}])
def test_a_node_of_the_manager_that_is_behind_no_firewall_is_a_gap(
    changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, behind = seen(monkeypatch, tmp_path, **changed)
    assert not behind.holds
    if "devices" in changed:
        assert behind.evidence == "0 of 1 Linodes, enabled, DROP; not 10: `pulumi up` puts them behind it"


def test_only_rules_that_accept_calls_at_the_port_let_somebody_in() -> None:
    rules = [
        rule("32443", "192.0.2.0/25"),
        rule("32443", "192.0.2.128/25", action="DROP"),
        rule("32443", "10.0.0.0/8", protocol="UDP"),
        rule("30000-32767", "192.168.255.0/24"),
    ]
    assert firewall.at_port(rules, 32443) == ["192.0.2.0/25"]


def test_a_service_without_an_acl_lets_in_nobody_by_name() -> None:
    assert firewall.allowed({}) == []


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
