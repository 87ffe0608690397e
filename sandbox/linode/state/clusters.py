"""Clusters, their pools and nodes, as they are kept: making, resizing, recycling and removing them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sandbox.linode.backend import AclSpec, ClusterSpec, NodeSpec, PoolSpec, Taint, TaintEffect
from sandbox.linode.state.addresses import Range, lease, reclaim, reclaim_address, release
from sandbox.linode.state.events import emit
from sandbox.linode.state.firewalls import enforced, unassign
from sandbox.linode.state.records import (
    BalancerConfigRecord,
    BalancerNodeRecord,
    ClusterRecord,
    LeaseRecord,
    NodeBalancerRecord,
    NodeRecord,
    PoolRecord,
    VolumeRecord,
)

if TYPE_CHECKING:
    from sandbox.linode.catalogue import Catalogue
    from sandbox.linode.state.store import Transaction

_FIRST_INSTANCE_ID = 50_000_000


def visible_clusters(state: Transaction) -> list[ClusterRecord]:
    """The clusters that the account's user has; one that is being removed is none of them."""
    return [cluster for cluster in state.all(ClusterRecord) if not cluster.deleting]


def find_cluster(state: Transaction, cluster_id: int) -> ClusterRecord | None:
    """A cluster that the account's user has."""
    cluster = state.get(ClusterRecord, cluster_id)
    return None if cluster is None or cluster.deleting else cluster


def pools_of(state: Transaction, cluster_id: int) -> list[PoolRecord]:
    """A cluster's pools, oldest first."""
    return [pool for pool in state.all(PoolRecord) if pool.cluster_id == cluster_id]


def nodes_of(state: Transaction, pool_id: int) -> list[NodeRecord]:
    """A pool's nodes, oldest first."""
    return [node for node in state.all(NodeRecord) if node.pool_id == pool_id]


def nodes_of_cluster(state: Transaction, cluster_id: int) -> list[NodeRecord]:
    """All nodes of a cluster, oldest first."""
    return [node for node in state.all(NodeRecord) if node.cluster_id == cluster_id]


def resize(state: Transaction, pool: PoolRecord, count: int, *, now: str) -> None:
    """Give a pool as many nodes as it should have; the newest go first."""
    cluster = state.get(ClusterRecord, pool.cluster_id)
    if cluster is None:
        raise LookupError(f"pool {pool.id} belongs to cluster {pool.cluster_id}, which is not there")
    nodes = nodes_of(state, pool.id)
    for node in nodes[count:]:
        remove_node(state, node, now=now)
    for _ in range(count - len(nodes)):
        add_node(state, cluster, pool, now=now)


def add_node(state: Transaction, cluster: ClusterRecord, pool: PoolRecord, *, now: str) -> NodeRecord:
    """Give a pool another node, of the cluster's Kubernetes version."""
    node = NodeRecord(
        id=state.next_id(NodeRecord, first=_FIRST_INSTANCE_ID),
        cluster_id=cluster.id,
        pool_id=pool.id,
        # LKE's own node ids end in four zeros.
        node_id=f"{pool.id}-{secrets.token_hex(4)}0000",
        address=lease(state, Range.NODES, cluster_id=cluster.id),
        k8s_version=cluster.k8s_version,
        created=now,
    )
    state.put(node)
    emit(state, "lke_node_create", node, now=now)
    return node


def remove_node(state: Transaction, node: NodeRecord, *, now: str) -> None:
    """Take a node away; volumes on it are detached."""
    for volume in state.all(VolumeRecord):
        if volume.linode_id == node.id:
            state.put(volume.model_copy(update={"linode_id": None, "updated": now}))
            emit(state, "volume_detach", volume, now=now)
    unassign(state, node, now=now)
    release(state, node.address)
    state.delete(node)
    emit(state, "linode_delete", node, now=now)


def mark_for_recycling(state: Transaction, nodes: list[NodeRecord]) -> None:
    """Have nodes replaced, one after the other."""
    for node in nodes:
        state.put(node.model_copy(update={"recycling": True}))


def switch(state: Transaction, node: NodeRecord, *, powered: bool, now: str) -> None:
    """Have a node's machine boot, or shut down."""
    state.put(node.model_copy(update={"powered": powered}))
    emit(state, "linode_boot" if powered else "linode_shutdown", node, now=now)


def replace_next(state: Transaction, cluster: ClusterRecord, *, now: str) -> bool:
    """Put a new node in the place of one that waits to be recycled; False if none waits."""
    for node in nodes_of_cluster(state, cluster.id):
        pool = state.get(PoolRecord, node.pool_id)
        if node.recycling and pool is not None:
            remove_node(state, node, now=now)
            add_node(state, cluster, pool, now=now)
            return True
    return False


def remove_pool(state: Transaction, pool: PoolRecord, *, now: str) -> None:
    """Take a pool and its nodes away."""
    for node in nodes_of(state, pool.id):
        remove_node(state, node, now=now)
    state.delete(pool)
    emit(state, "lke_pool_delete", pool, now=now)


def remove_cluster(state: Transaction, cluster: ClusterRecord, *, now: str) -> None:
    """Take a cluster away with its pools and nodes; its load balancers and volumes stay in the account.

    Its record and addresses stay, out of the user's sight, until the backend is done: `purge`.
    """
    for pool in pools_of(state, cluster.id):
        remove_pool(state, pool, now=now)
    state.put(cluster.model_copy(update={"deleting": True}))
    emit(state, "lke_cluster_delete", cluster, now=now)


def purge(state: Transaction, cluster_id: int) -> None:
    """Forget a removed cluster; its addresses are free from now on, except those of load balancers that stay."""
    kept = {balancer.address for balancer in state.all(NodeBalancerRecord)}
    leases = [known for known in state.all(LeaseRecord) if known.cluster_id == cluster_id]
    reclaim(state, [known for known in leases if known.address not in kept])
    cluster = state.get(ClusterRecord, cluster_id)
    if cluster is not None:
        state.delete(cluster)


def remove_balancer(state: Transaction, balancer: NodeBalancerRecord, *, now: str) -> None:
    """Take a load balancer away with its ports and backends; its address is free for others."""
    for config in state.all(BalancerConfigRecord):
        if config.nodebalancer_id == balancer.id:
            remove_balancer_config(state, config)
    unassign(state, balancer, now=now)
    state.delete(balancer)
    emit(state, "nodebalancer_delete", balancer, now=now)
    reclaim_address(state, balancer.address)


def remove_balancer_config(state: Transaction, config: BalancerConfigRecord) -> None:
    """Take a port of a load balancer away with its backends."""
    for node in state.all(BalancerNodeRecord):
        if node.config_id == config.id:
            state.delete(node)
    state.delete(config)


def specification(state: Transaction, cluster: ClusterRecord, catalogue: Catalogue) -> ClusterSpec:
    """The cluster as the backend should make it."""
    return ClusterSpec(
        id=cluster.id,
        label=cluster.label,
        region=cluster.region,
        tier=cluster.tier,
        kubernetes_version=cluster.k8s_version,
        high_availability=cluster.high_availability,
        address=cluster.address,
        acl=AclSpec(enabled=cluster.acl.enabled, ipv4=cluster.acl.ipv4, ipv6=cluster.acl.ipv6),
        pools=tuple(_pool_spec(state, pool, catalogue) for pool in pools_of(state, cluster.id)),
    )


def _pool_spec(state: Transaction, pool: PoolRecord, catalogue: Catalogue) -> PoolSpec:
    plan = catalogue.types[pool.type]
    return PoolSpec(
        id=pool.id,
        label=pool.label,
        type=pool.type,
        memory=plan.memory,
        vcpus=plan.vcpus,
        labels=pool.labels,
        taints=tuple(
            Taint(key=taint.key, value=taint.value, effect=TaintEffect(taint.effect)) for taint in pool.taints
        ),
        nodes=tuple(
            NodeSpec(
                id=node.node_id,
                name=node.label,
                instance_id=node.id,
                address=node.address,
                kubernetes_version=node.k8s_version,
                powered=node.powered,
                firewall=enforced(state, node),
            )
            for node in nodes_of(state, pool.id)
        ),
    )
