"""What belongs to one Linode, read only: what the official provider's getInstances asks of every instance.

(`flattenInstance` in linode/instance/flatten.go of terraform-provider-linode.)
"""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import not_found
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation
from sandbox.linode.schemas.instance_parts import (
    Addresses,
    Device,
    Devices,
    InstanceConfig,
    InstanceDisk,
    Ipv4Addresses,
    Owner,
    PublicAddress,
)
from sandbox.linode.state.records import ClusterRecord, NodeRecord, PoolRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

_READ = Scope(service="linodes", access=Access.READ_ONLY)
_DISK_SLOTS = 8
"""Disks of a Linode, so that the ids of one never meet those of the next."""


async def view_addresses(call: Call) -> Mapping[str, Any]:
    """GET /linode/instances/{id}/ips."""
    node, _, cluster = node_at(call)
    network = ip_interface(f"{node.address}/24").network
    address = PublicAddress(
        address=node.address,
        gateway=str(network[1]),
        linode_id=node.id,
        rdns=f"{node.address.replace('.', '-')}.ip.linodeusercontent.com",
        region=cluster.region,
        assigned_entity=Owner(id=node.id, label=node.label, url=f"/v4/linode/instances/{node.id}"),
    )
    return Addresses(ipv4=Ipv4Addresses(public=(address,))).body()


async def list_disks(call: Call) -> Mapping[str, Any]:
    """GET /linode/instances/{id}/disks: the boot disk takes what the pool's extra disks leave of the plan."""
    node, pool, _ = node_at(call)
    extra = pool.disks
    plan = call.account.catalogue.types[pool.type]
    sizes = [(plan.disk - sum(disk.size for disk in extra), "ext4"), *((disk.size, disk.type) for disk in extra)]
    return call.listing(
        [
            InstanceDisk(
                id=_first_disk(node) + number,
                label="Boot Disk" if number == 0 else f"Disk {number}",
                size=size,
                filesystem=filesystem,
                created=node.created,
                updated=node.created,
                disk_encryption=pool.disk_encryption,
            )
            for number, (size, filesystem) in enumerate(sizes)
        ],
        filterable=frozenset({"label", "size"}),
    )


async def list_configs(call: Call) -> Mapping[str, Any]:
    """GET /linode/instances/{id}/configs."""
    node, _, _ = node_at(call)
    devices = Devices(sda=Device(disk_id=_first_disk(node)))
    profile = InstanceConfig(id=node.id, label="Boot Config", devices=devices)
    return call.listing([profile], filterable=frozenset({"label", "interfaces.label"}))


def node_at(call: Call) -> tuple[NodeRecord, PoolRecord, ClusterRecord]:
    """The node, pool and cluster of the Linode in a path. Raises ApiError: 404."""
    with call.account.store.transaction() as state:
        node = state.get(NodeRecord, call.number("linode_id"))
        pool = state.get(PoolRecord, node.pool_id) if node else None
        cluster = state.get(ClusterRecord, node.cluster_id) if node else None
    if node is None or pool is None or cluster is None:
        raise not_found()
    return node, pool, cluster


def _first_disk(node: NodeRecord) -> int:
    return node.id * _DISK_SLOTS


_INSTANCE = "/linode/instances/{linode_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _INSTANCE + "/ips", view_addresses, _READ),
    Operation("GET", _INSTANCE + "/disks", list_disks, _READ, Bucket.LISTS),
    Operation("GET", _INSTANCE + "/configs", list_configs, _READ, Bucket.LISTS),
)
