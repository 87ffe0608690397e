"""Linode instances, which come and go with the pools whose nodes they are, and can be switched off and on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import not_found
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation
from sandbox.linode.routes.balancer_views import FILTERABLE as BALANCER_FILTERABLE
from sandbox.linode.routes.balancer_views import show_balancer
from sandbox.linode.routes.instance_parts import node_at
from sandbox.linode.routes.volumes import show_volume
from sandbox.linode.schemas.linodes import Instance, InstanceStatus, Specs
from sandbox.linode.state.clusters import switch
from sandbox.linode.state.records import (
    BalancerNodeRecord,
    ClusterRecord,
    NodeBalancerRecord,
    NodeRecord,
    PoolRecord,
    VolumeRecord,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.backend import ClusterStatus
    from sandbox.linode.catalogue import Catalogue

_READ = Scope(service="linodes", access=Access.READ_ONLY)
_WRITE = Scope(service="linodes", access=Access.READ_WRITE)
_FILTERABLE = frozenset(
    {
        "group",
        "id",
        "image",
        "interface_generation",
        "ipv4",
        "label",
        "placement_group.label",
        "placement_group.placement_group_type",
        "region",
        "tags",
    }
)


async def list_instances(call: Call) -> Mapping[str, Any]:
    """GET /linode/instances."""
    return call.listing(await _instances(call), filterable=_FILTERABLE)


async def view_instance(call: Call) -> Mapping[str, Any]:
    """GET /linode/instances/{id}."""
    wanted = call.number("linode_id")
    for instance in await _instances(call):
        if instance.id == wanted:
            return instance.body()
    raise not_found()


async def list_instance_volumes(call: Call) -> Mapping[str, Any]:
    """GET /linode/instances/{id}/volumes."""
    node, _, _ = node_at(call)
    with call.account.store.transaction() as state:
        volumes = [volume for volume in state.all(VolumeRecord) if volume.linode_id == node.id]
        shown = [show_volume(volume, state) for volume in volumes]
    return call.listing(shown, filterable=frozenset({"label", "tags"}))


async def list_instance_balancers(call: Call) -> Mapping[str, Any]:
    """GET /linode/instances/{id}/nodebalancers: those that have it as a backend."""
    node, _, _ = node_at(call)
    with call.account.store.transaction() as state:
        ids = {
            backend.nodebalancer_id
            for backend in state.all(BalancerNodeRecord)
            if backend.address.rpartition(":")[0] == node.address
        }
        balancers = [balancer for balancer in state.all(NodeBalancerRecord) if balancer.id in ids]
        shown = [show_balancer(balancer, state) for balancer in balancers]
    return call.listing(shown, filterable=BALANCER_FILTERABLE)


async def boot_instance(call: Call) -> Mapping[str, Any]:
    """POST /linode/instances/{id}/boot."""
    return _switch(call, powered=True)


async def shut_down_instance(call: Call) -> Mapping[str, Any]:
    """POST /linode/instances/{id}/shutdown: the machine stops and stays off until it is booted, or recycled."""
    return _switch(call, powered=False)


def _switch(call: Call, *, powered: bool) -> Mapping[str, Any]:
    node, _, _ = node_at(call)
    with call.account.store.transaction() as state:
        switch(state, node, powered=powered, now=call.account.timestamp())
    call.reconciler.poke(node.cluster_id)
    return {}


async def _instances(call: Call) -> list[Instance]:
    with call.account.store.transaction() as state:
        clusters = {cluster.id: cluster for cluster in state.all(ClusterRecord)}
        pools = {pool.id: pool for pool in state.all(PoolRecord)}
        nodes = state.all(NodeRecord)
    ids = sorted({node.cluster_id for node in nodes})
    found = await asyncio.gather(*(call.account.status(cluster_id) for cluster_id in ids))
    status = dict(zip(ids, found, strict=True))
    return [
        _show(
            node,
            clusters[node.cluster_id],
            pools[node.pool_id],
            status[node.cluster_id],
            call.account.catalogue,
        )
        for node in nodes
    ]


def _show(
    node: NodeRecord,
    cluster: ClusterRecord,
    pool: PoolRecord,
    status: ClusterStatus,
    catalogue: Catalogue,
) -> Instance:
    plan = catalogue.types[pool.type]
    return Instance(
        id=node.id,
        label=node.label,
        status=_power(node, status),
        created=node.created,
        updated=node.created,
        type=pool.type,
        ipv4=(node.address,),
        region=cluster.region,
        specs=Specs.of(plan),
        tags=pool.tags,
        host_uuid=uuid5(NAMESPACE_URL, node.label).hex,
        disk_encryption=pool.disk_encryption,
        lke_cluster_id=cluster.id,
    )


def _power(node: NodeRecord, status: ClusterStatus) -> InstanceStatus:
    if node.node_id in status.running:
        return InstanceStatus.RUNNING if node.powered else InstanceStatus.SHUTTING_DOWN
    return InstanceStatus.PROVISIONING if node.powered else InstanceStatus.OFFLINE


_INSTANCES = "/linode/instances"
_INSTANCE = _INSTANCES + "/{linode_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _INSTANCES, list_instances, _READ, Bucket.LISTS),
    Operation("GET", _INSTANCE, view_instance, _READ),
    Operation("POST", _INSTANCE + "/boot", boot_instance, _WRITE),
    Operation("POST", _INSTANCE + "/shutdown", shut_down_instance, _WRITE),
    Operation("GET", _INSTANCE + "/volumes", list_instance_volumes, _READ, Bucket.LISTS),
    Operation("GET", _INSTANCE + "/nodebalancers", list_instance_balancers, _READ, Bucket.LISTS),
)
