"""Single nodes: view, delete, recycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.errors import invalid
from sandbox.linode.operations import Call, Operation
from sandbox.linode.routes.lke_views import READ, WRITE, node_at, show_node
from sandbox.linode.state.clusters import mark_for_recycling, nodes_of, remove_node
from sandbox.linode.state.events import emit
from sandbox.linode.state.records import PoolRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.state import Transaction
    from sandbox.linode.state.records import NodeRecord


async def view_node(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters/{id}/nodes/{id}."""
    with call.account.store.transaction() as state:
        cluster, node = node_at(call, state)
    return show_node(node, await call.account.status(cluster.id)).body()


async def delete_node(call: Call) -> Mapping[str, Any]:
    """DELETE /lke/clusters/{id}/nodes/{id}: its pool has one node less from now on."""
    with call.account.store.transaction() as state:
        cluster, node = node_at(call, state)
        _shrink(state, node)
        remove_node(state, node, now=call.account.timestamp())
    call.reconciler.poke(cluster.id)
    return {}


def _shrink(state: Transaction, node: NodeRecord) -> None:
    """Let the pool's limits follow; a pool has at least one node, or as many as its autoscaler keeps."""
    pool = state.get(PoolRecord, node.pool_id)
    if pool is None:
        return
    left = len(nodes_of(state, pool.id)) - 1
    fewest = pool.autoscaler.min if pool.autoscaler.enabled else 1
    if left < fewest:
        raise invalid(f"A pool cannot have fewer than {fewest} nodes; delete the pool instead")
    if not pool.autoscaler.enabled:
        limits = pool.autoscaler.model_copy(update={"min": left, "max": left})
        state.put(pool.model_copy(update={"autoscaler": limits}))


async def recycle_node(call: Call) -> Mapping[str, Any]:
    """POST /lke/clusters/{id}/nodes/{id}/recycle: a new node takes its place."""
    with call.account.store.transaction() as state:
        cluster, node = node_at(call, state)
        mark_for_recycling(state, [node])
        emit(state, "lke_node_recycle", node, now=call.account.timestamp())
    call.reconciler.poke(cluster.id)
    return {}


_NODE = "/lke/clusters/{cluster_id}/nodes/{node_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _NODE, view_node, READ),
    Operation("DELETE", _NODE, delete_node, WRITE),
    Operation("POST", _NODE + "/recycle", recycle_node, WRITE),
)
