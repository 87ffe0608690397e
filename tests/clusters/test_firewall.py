"""From a Cloud Firewall's rules to a node's packet filter: who counts as whom, in which order."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clusters.control_plane.control_plane import ControlPlane
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.provisions import Provisions
from sandbox.clusters.network.firewall import Neighbours, balancer_rules, decision, firewall_rules
from sandbox.clusters.network.plan import BALANCERS, NODES, SERVERS, hardware_address, node_pods
from sandbox.clusters.network.plan import private_address as private
from sandbox.clusters.node import node
from sandbox.linode.backend import Action, Firewall, FirewallRule, FirewallRules, NodeSpec, PoolSpec

if TYPE_CHECKING:
    from pathlib import Path

LKE = "192.168.128.0/17"
PLANE, SIBLING, OTHER = IPv4Address("192.0.2.10"), IPv4Address("198.51.100.11"), IPv4Address("198.51.100.12")
NEIGHBOURS = Neighbours(control_plane=PLANE, nodes={node_pods(1): SIBLING, node_pods(2): OTHER})


def accept(protocol: str, *networks: str, ports: str | None = None) -> FirewallRule:
    return FirewallRule(action=Action.ACCEPT, protocol=protocol, ports=ports, networks=networks)


def drop(protocol: str, *networks: str, ports: str | None = None) -> FirewallRule:
    return FirewallRule(action=Action.DROP, protocol=protocol, ports=ports, networks=networks)


def chains(inbound: tuple[FirewallRule, ...] = (), outbound: tuple[FirewallRule, ...] = ()) -> dict[str, list[str]]:
    """The chains of a firewall that drops what no rule accepts, by name, without the parts that are always there."""
    firewall = Firewall(
        inbound=FirewallRules(rules=inbound, policy=Action.DROP),
        outbound=FirewallRules(rules=outbound, policy=Action.DROP),
    )
    found: dict[str, list[str]] = {}
    for line in firewall_rules(firewall, NEIGHBOURS).splitlines():
        if line.startswith("  chain "):
            lines = found.setdefault(line.split()[1], [])
        elif line.startswith("    "):
            lines.append(line.strip())
    return found


def test_with_no_firewall_nothing_is_filtered() -> None:
    assert firewall_rules(None, NEIGHBOURS).split("\n") == [
        "table ip cloud_firewall",
        "delete table ip cloud_firewall",
        "",
    ], "and what an earlier one left goes"


def test_rules_keep_their_order_and_the_policy_comes_last() -> None:
    found = chains(
        inbound=(
            drop("TCP", "192.0.2.0/28", ports="32443"),
            accept("TCP", "192.0.2.0/24", ports="32443, 80-90, 85-95"),
            accept("ICMP", "0.0.0.0/0"),
        )
    )
    assert found["inbound"][-4:] == [
        "ip saddr { 192.0.2.0/28 } tcp dport { 32443 } counter drop",
        "ip saddr { 192.0.2.0/24 } tcp dport { 80-95, 32443 } counter accept",
        "meta l4proto icmp counter accept",
        "counter drop",
    ]


def test_answers_are_let_through_before_any_rule() -> None:
    found = chains()
    for chain, interface in (("inbound", "iifname"), ("outbound", "oifname")):
        assert found[chain][1:3] == [f'{interface} != "eth0" accept', "ct state established,related accept"]


def test_a_rule_without_ports_is_about_all_of_its_protocol() -> None:
    found = chains(inbound=(accept("UDP", "10.0.0.0/8"), accept("IPENCAP", "10.0.0.0/8")))
    assert found["inbound"][-3:-1] == [
        "ip saddr { 10.0.0.0/8 } meta l4proto udp counter accept",
        "ip saddr { 10.0.0.0/8 } meta l4proto 4 counter accept",
    ]


def test_networks_that_overlap_are_written_once() -> None:
    found = chains(inbound=(accept("TCP", "192.0.2.0/24", "192.0.2.7/32", "192.0.3.0/24"),))
    assert found["inbound"][-2] == "ip saddr { 192.0.2.0/23 } meta l4proto tcp counter accept"


def test_a_rule_for_ipv6_alone_is_about_nobody_here() -> None:
    assert chains(inbound=(accept("TCP"),))["inbound"][-1] == "counter drop"
    assert len(chains(inbound=(accept("TCP"),))["inbound"]) == len(chains()["inbound"])


def test_the_control_plane_is_known_by_its_private_address_alone() -> None:
    assert chains(inbound=(accept("TCP", LKE, ports="10250"),))["control_plane"] == [
        "tcp dport { 10250 } counter accept",
        "counter drop",
    ]
    assert chains(inbound=(accept("TCP", "192.0.2.0/24", ports="10250"),))["control_plane"] == ["counter drop"]


def test_a_node_of_the_cluster_is_known_by_both_of_its_addresses() -> None:
    for network, nodes in ((LKE, [SIBLING, OTHER]), (f"{SIBLING}/32", [SIBLING]), (f"{private(OTHER)}/32", [OTHER])):
        rules, verdict = (accept("TCP", network, ports="10250"),), "tcp dport { 10250 } counter accept"
        senders = ", ".join(hardware_address(one) for one in nodes)
        assert chains(inbound=rules)["nodes"][0] == f"ether saddr {{ {senders} }} {verdict}"
        receivers = ", ".join(str(one) for one in nodes)
        assert chains(outbound=rules)["to_nodes"][0] == f"ip daddr {{ {receivers} }} {verdict}"


def test_balancers_are_known_by_their_private_addresses_alone() -> None:
    rules = (accept("TCP", "192.168.255.0/24", ports="30000-32767"),)
    assert chains(inbound=rules)["inbound"][-2:] == [
        "ip saddr { 192.168.255.0/24 } tcp dport { 30000-32767 } counter accept",
        "counter drop",
    ]


def test_before_a_balancer_the_rules_are_for_its_address_and_answers_of_backends_come_in() -> None:
    inbound = FirewallRules(rules=(accept("TCP", "192.0.2.0/24", ports="80,443"),), policy=Action.DROP)
    firewall = Firewall(inbound=inbound, outbound=FirewallRules(rules=(), policy=Action.DROP))
    text = balancer_rules(firewall, IPv4Address("203.0.113.10"))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[lines.index("ip daddr != 203.0.113.10 accept") :] == [
        "ip daddr != 203.0.113.10 accept",
        "ct state established,related accept",
        "ip saddr { 192.0.2.0/24 } tcp dport { 80, 443 } counter accept",
        "counter drop",
        "}",
        "}",
    ]
    assert "ip daddr" not in balancer_rules(None, IPv4Address("203.0.113.10"))


def _senders(*rules: FirewallRule) -> list[IPv4Address]:
    """Who reaches the node's pods."""
    line = next(line for line in chains(inbound=rules)["inbound"] if line.startswith("ip daddr { 10.2.0.0/16"))
    return [one for one in (SIBLING, OTHER, PLANE) if hardware_address(one) in line]


def test_pods_are_reached_from_other_nodes_by_encapsulation_and_by_routes() -> None:
    encapsulated, routes = accept("IPENCAP", LKE), accept("TCP", LKE, ports="179")
    assert _senders(encapsulated, routes) == [SIBLING, OTHER]
    assert _senders(encapsulated) == _senders(routes) == _senders() == []
    assert _senders(drop("IPENCAP", f"{private(OTHER)}/32"), encapsulated, routes) == [SIBLING]
    assert _senders(accept("TCP", f"{SIBLING}/32"), accept("IPENCAP", f"{SIBLING}/32")) == [], "not by public addresses"


def test_pods_are_reached_from_the_control_plane_through_its_tunnel() -> None:
    assert _senders(accept("UDP", LKE, ports="51820")) == [PLANE]
    assert _senders(accept("UDP", "192.0.2.0/24")) == _senders(accept("TCP", LKE)) == []


def test_pods_of_other_nodes_are_reached_by_encapsulation() -> None:
    for rules, verdict in (((), "drop"), ((accept("IPENCAP", LKE),), "accept")):
        assert f"ip daddr {node_pods(1)} counter {verdict}" in chains(outbound=rules)["outbound"]


PUBLIC = st.sampled_from([SERVERS, NODES, BALANCERS]).flatmap(
    lambda network: st.integers(1, 254).map(lambda host: network[host])
)


@given(PUBLIC, PUBLIC)
def test_private_addresses_tell_neighbours_apart_and_are_lkes(one: IPv4Address, other: IPv4Address) -> None:
    assert (private(one) == private(other)) == (one == other)
    assert private(one) in IPv4Network(LKE)
    assert (private(one) in IPv4Network("192.168.255.0/24")) == (one in BALANCERS)
    with pytest.raises(ValueError, match="no node"):
        private(private(one))


def test_the_first_rule_that_fits_decides() -> None:
    rules = FirewallRules(rules=(drop("TCP", "10.0.0.0/8", ports="80"), accept("TCP", "0.0.0.0/0")), policy=Action.DROP)
    inside, outside = IPv4Address("10.0.0.1"), IPv4Address("192.0.2.1")
    assert decision(rules, protocol="TCP", port=80, other=inside) is Action.DROP
    assert decision(rules, protocol="TCP", port=81, other=inside) is Action.ACCEPT
    assert decision(rules, protocol="TCP", port=80, other=outside) is Action.ACCEPT
    assert decision(rules, protocol="UDP", port=80, other=outside) is Action.DROP


def test_a_node_is_connected_behind_its_firewall(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded: list[str] = []
    for name in ("attach", "sysctl", "set_routes"):
        monkeypatch.setattr(node, name, lambda *_, **__: None)
    monkeypatch.setattr(node, "load_rules", lambda _, rules: loaded.append(rules))
    program = tmp_path / "program"
    program.touch(mode=0o755)
    provisions = Provisions(programs=dict.fromkeys(node.PROGRAMS, program), images=str(tmp_path))
    firewall = Firewall(
        inbound=FirewallRules(rules=(), policy=Action.DROP), outbound=FirewallRules(rules=(), policy=Action.ACCEPT)
    )
    one = node.Node(
        control_plane=ControlPlane(Layout("test"), provisions, 1, PLANE),
        spec=NodeSpec(
            id="2-3",
            name="lke1-2-3",
            instance_id=4,
            address="198.51.100.10",
            kubernetes_version="1.35",
            firewall=firewall,
        ),
        pool=PoolSpec(id=2, label="", type="g6-standard-1", memory=2048, vcpus=1),
        pods=node_pods(0),
        provisions=provisions,
    )
    siblings = {node_pods(0): IPv4Address("198.51.100.10"), **NEIGHBOURS.nodes}
    one.connect(siblings)
    (rules,) = loaded
    assert rules.endswith(firewall_rules(firewall, NEIGHBOURS)), "its own address is no neighbour's"
