"""LKE records as the API shows them, and how a path's ids lead to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import not_found
from sandbox.linode.operations import Version
from sandbox.linode.schemas.lke import (
    AclAddresses,
    AclState,
    AutoscalerState,
    BetaCluster,
    Cluster,
    ControlPlane,
    ControlPlaneAcl,
    DiskState,
    Node,
    NodeStatus,
    Pool,
    TaintState,
)
from sandbox.linode.state.clusters import find_cluster
from sandbox.linode.state.records import ClusterRecord, NodeRecord, PoolRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.linode.backend import ClusterStatus
    from sandbox.linode.operations import Call
    from sandbox.linode.state import Transaction
    from sandbox.linode.state.records import Acl

READ = Scope(service="lke", access=Access.READ_ONLY)
WRITE = Scope(service="lke", access=Access.READ_WRITE)


def cluster_at(call: Call, state: Transaction) -> ClusterRecord:
    """The cluster that the path names. Raises ApiError: 404."""
    cluster = find_cluster(state, call.number("cluster_id"))
    if cluster is None:
        raise not_found()
    return cluster


def pool_at(call: Call, state: Transaction) -> tuple[ClusterRecord, PoolRecord]:
    """The pool that the path names, and its cluster.

    Raises ApiError: 404; a pool of another cluster is not found either.
    """
    cluster = cluster_at(call, state)
    return cluster, call.record(state, PoolRecord, "pool_id", cluster_id=cluster.id)


def node_at(call: Call, state: Transaction) -> tuple[ClusterRecord, NodeRecord]:
    """The node that the path names, and its cluster.

    Raises ApiError: 404; a node of another cluster is not found either.
    """
    cluster = cluster_at(call, state)
    for node in state.all(NodeRecord):
        if node.cluster_id == cluster.id and node.node_id == call.path["node_id"]:
            return cluster, node
    raise not_found()


def show_cluster(record: ClusterRecord, version: Version) -> Cluster:
    """A cluster. Its tier is told below /v4beta alone."""
    shown = Cluster if version is Version.V4 else BetaCluster
    return shown.of(record, control_plane=ControlPlane.of(record, audit_logs_enabled=record.audit_logs))


def show_node(record: NodeRecord, status: ClusterStatus) -> Node:
    """A node."""
    ready = record.node_id in status.ready
    return Node(
        id=record.node_id,
        instance_id=record.id,
        pool_id=record.pool_id,
        status=NodeStatus.READY if ready else NodeStatus.NOT_READY,
    )


def show_pool(record: PoolRecord, nodes: Iterable[NodeRecord], status: ClusterStatus) -> Pool:
    """A pool with its nodes."""
    shown = tuple(show_node(node, status) for node in nodes)
    return Pool.of(
        record,
        count=len(shown),
        nodes=shown,
        disks=tuple(DiskState.of(disk) for disk in record.disks),
        autoscaler=AutoscalerState.of(record.autoscaler),
        taints=tuple(TaintState.of(taint) for taint in record.taints),
    )


def show_acl(acl: Acl) -> ControlPlaneAcl:
    """A control plane's access control list."""
    return ControlPlaneAcl(acl=AclState.of(acl, revision_id=acl.revision, addresses=AclAddresses.of(acl)))
