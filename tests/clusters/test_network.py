"""The address plan and the rules that keep clusters apart."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clusters.network.plan import (
    BALANCERS,
    NODES,
    PODS,
    SERVERS,
    SERVICES,
    hardware_address,
    interface,
    node_pods,
)
from sandbox.clusters.network.rules import control_plane_rules, node_rules
from sandbox.linode.backend import AclSpec

PUBLIC = st.sampled_from([SERVERS, NODES, BALANCERS]).flatmap(
    lambda network: st.integers(1, 254).map(lambda host: network[host])
)


def test_no_two_ranges_overlap() -> None:
    ranges = [SERVERS, NODES, BALANCERS, PODS, SERVICES]
    assert not any(one.overlaps(other) for one in ranges for other in ranges if one is not other)


@given(PUBLIC, PUBLIC)
def test_interfaces_and_hardware_addresses_tell_addresses_apart(one: IPv4Address, other: IPv4Address) -> None:
    assert (interface(one) == interface(other)) == (one == other)
    assert (hardware_address(one) == hardware_address(other)) == (one == other)
    assert len(interface(one)) <= 15, "Linux cuts no interface's name, it refuses it"


@given(PUBLIC)
def test_hardware_addresses_are_locally_administered_and_no_groups(address: IPv4Address) -> None:
    first = int(hardware_address(address).split(":")[0], 16)
    assert first & 0b10
    assert not first & 0b01


def test_every_node_has_pod_addresses_of_its_own() -> None:
    ranges = [node_pods(index) for index in range(256)]
    assert len(set(ranges)) == 256
    assert all(pods.subnet_of(PODS) for pods in ranges)
    with pytest.raises(IndexError):
        node_pods(256)


def test_a_node_lets_in_for_its_pods_only_what_its_own_cluster_sends() -> None:
    own, stranger = IPv4Address("198.51.100.10"), IPv4Address("198.51.100.11")
    rules = node_rules([own])
    assert hardware_address(own) in rules
    assert hardware_address(stranger) not in rules
    assert f"ip daddr {{ {PODS}, {SERVICES} }} ether saddr != @peers counter drop" in rules


def test_an_acl_always_lets_the_clusters_own_nodes_in() -> None:
    rules = control_plane_rules(AclSpec(enabled=True), [IPv4Address("198.51.100.10")])
    assert "198.51.100.10" in rules
    assert "ip saddr != @allowed counter drop" in rules


def test_without_an_acl_nothing_is_dropped() -> None:
    assert "drop" not in control_plane_rules(AclSpec(enabled=False, ipv4=("203.0.113.0/24",)), [])
