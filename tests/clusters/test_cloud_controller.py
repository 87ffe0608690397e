"""What the cloud controller decides, on objects of the official client."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from sandbox.clusters.cloud_controller.nodes import UNINITIALIZED, is_ready, is_uninitialized, set_up_patch
from sandbox.clusters.cloud_controller.services import balancer_label, external_address, shown
from sandbox.clusters.cloud_controller.volumes import persistent_volume, size_gib, volume_name

UID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
INSTANCE = SimpleNamespace(
    id=77, ipv4=["198.51.100.10"], region=SimpleNamespace(id="eu-west"), type=SimpleNamespace(id="g6-standard-2")
)


def node(*, taints: tuple[str, ...] = (), provider: str | None = None, ready: str = "True") -> client.V1Node:
    return client.V1Node(
        metadata=client.V1ObjectMeta(name="one"),
        spec=client.V1NodeSpec(
            provider_id=provider, taints=[client.V1Taint(key=key, effect="NoSchedule") for key in taints]
        ),
        status=client.V1NodeStatus(
            conditions=[client.V1NodeCondition(type="Ready", status=ready)],
            addresses=[
                client.V1NodeAddress(type="Hostname", address="one"),
                client.V1NodeAddress(type="ExternalIP", address="198.51.100.10"),
            ],
        ),
    )


def claim(size: str) -> client.V1PersistentVolumeClaim:
    return client.V1PersistentVolumeClaim(
        metadata=client.V1ObjectMeta(name="data", namespace="shop", uid=UID),
        spec=client.V1PersistentVolumeClaimSpec(
            access_modes=["ReadWriteOnce"],
            storage_class_name="linode-block-storage",
            resources=client.V1VolumeResourceRequirements(requests={"storage": size}),
        ),
    )


def test_a_new_node_gets_its_identity_its_place_and_its_pods_addresses() -> None:
    patch = set_up_patch(node(taints=(UNINITIALIZED,)), INSTANCE, IPv4Network("10.2.3.0/24"))
    assert patch["spec"]["providerID"] == "linode://77"
    assert patch["spec"]["podCIDR"] == "10.2.3.0/24"
    assert patch["metadata"]["labels"]["topology.kubernetes.io/region"] == "eu-west"


def test_setting_a_node_up_takes_away_its_first_taint_and_no_other() -> None:
    patch = set_up_patch(node(taints=(UNINITIALIZED, "dedicated")), INSTANCE, IPv4Network("10.2.3.0/24"))
    assert [taint["key"] for taint in patch["spec"]["taints"]] == ["dedicated"]


@pytest.mark.parametrize(
    ("given", "ready"),
    [
        (node(provider="linode://77"), True),
        (node(provider="linode://77", ready="Unknown"), False),
        (node(provider="linode://77", taints=(UNINITIALIZED,)), False),
        (node(), False),
    ],
)
def test_a_node_is_ready_when_kubernetes_says_so_and_it_was_set_up(given: client.V1Node, ready: bool) -> None:
    assert is_ready(given) is ready


def test_a_node_that_was_set_up_is_left_alone() -> None:
    assert not is_uninitialized(node(provider="linode://77", taints=("dedicated",)))
    assert is_uninitialized(node(provider="linode://77", taints=(UNINITIALIZED,)))
    assert is_uninitialized(node())


def test_the_external_address_of_a_node_is_the_one_that_says_so() -> None:
    assert external_address(node()) == IPv4Address("198.51.100.10")


def test_names_at_linode_are_short_enough_and_made_from_the_uid() -> None:
    service = client.V1Service(metadata=client.V1ObjectMeta(name="web", uid=UID))
    assert len(balancer_label(service)) <= 32
    assert len(volume_name(claim("1Gi"))) <= 32
    assert UID.replace("-", "")[:12] in balancer_label(service)


def test_a_service_without_an_address_shows_none() -> None:
    assert shown(client.V1Service(status=client.V1ServiceStatus())) is None


@pytest.mark.parametrize(("asked", "given"), [("1Gi", 10), ("10Gi", 10), ("10.5Gi", 11), ("20G", 19), ("1Ti", 1024)])
def test_a_volume_is_no_smaller_than_asked_for_nor_than_linode_has(asked: str, given: int) -> None:
    assert size_gib(claim(asked)) == given


def test_a_volume_is_meant_for_its_claim_and_is_reclaimed_as_its_class_says() -> None:
    storage_class = client.V1StorageClass(
        metadata=client.V1ObjectMeta(name="linode-block-storage"), provisioner="x", reclaim_policy="Delete"
    )
    volume: dict[str, Any] = persistent_volume(claim("1Gi"), storage_class, volume_id=5, size=10)
    assert volume["spec"]["claimRef"]["uid"] == UID
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert volume["spec"]["capacity"] == {"storage": "10Gi"}
