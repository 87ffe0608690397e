"""Node pools: list, make, view, resize, change, delete, recycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.errors import Problem, invalid_all
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation
from sandbox.linode.routes.lke_views import READ, WRITE, cluster_at, pool_at, show_pool
from sandbox.linode.rules import autoscaler_of, new_pool_problems, within
from sandbox.linode.schemas.lke import PoolCreate, PoolUpdate
from sandbox.linode.state.clusters import mark_for_recycling, nodes_of, pools_of, remove_pool, resize
from sandbox.linode.state.events import emit
from sandbox.linode.state.records import Autoscaler, Disk, PoolRecord, PoolTaint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.schemas.lke import TaintRequest
    from sandbox.linode.state import Transaction
    from sandbox.linode.state.records import ClusterRecord

_FIRST_ID = 200_000
_FILTERABLE = frozenset({"id", "tags"})


def make_pool(state: Transaction, cluster: ClusterRecord, request: PoolCreate, *, now: str) -> PoolRecord:
    """Give a cluster a pool and its nodes; the request was found right before."""
    pool = PoolRecord(
        id=state.next_id(PoolRecord, first=_FIRST_ID),
        cluster_id=cluster.id,
        type=request.type,
        label=request.label or "",
        autoscaler=autoscaler_of(request.autoscaler, count=request.count),
        labels=request.labels or {},
        taints=_taints(request.taints or ()),
        tags=tuple(request.tags or ()),
        disks=tuple(Disk(size=disk.size, type=disk.type) for disk in request.disks),
        disk_encryption=request.disk_encryption,
        firewall_id=request.firewall_id,
    )
    state.put(pool)
    emit(state, "lke_pool_create", pool, now=now)
    resize(state, pool, request.count, now=now)
    return pool


def _taints(taints: tuple[TaintRequest, ...] | list[TaintRequest]) -> tuple[PoolTaint, ...]:
    return tuple(PoolTaint(key=taint.key, value=taint.value, effect=taint.effect) for taint in taints)


async def list_pools(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters/{id}/pools."""
    with call.account.store.transaction() as state:
        cluster = cluster_at(call, state)
        pools = [(pool, nodes_of(state, pool.id)) for pool in pools_of(state, cluster.id)]
    status = await call.account.status(cluster.id)
    shown = [show_pool(pool, nodes, status) for pool, nodes in pools]
    return call.listing(shown, filterable=_FILTERABLE)


async def create_pool(call: Call) -> Mapping[str, Any]:
    """POST /lke/clusters/{id}/pools."""
    request = call.body(PoolCreate)
    with call.account.store.transaction() as state:
        cluster = cluster_at(call, state)
        catalogue = call.account.catalogue
        problems = list(new_pool_problems(request, catalogue, catalogue.regions.get(cluster.region)))
        if problems:
            raise invalid_all(problems)
        pool = make_pool(state, cluster, request, now=call.account.timestamp())
    call.reconciler.poke(cluster.id)
    return await _show(call, pool)


async def view_pool(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters/{id}/pools/{id}."""
    with call.account.store.transaction() as state:
        _, pool = pool_at(call, state)
    return await _show(call, pool)


async def update_pool(call: Call) -> Mapping[str, Any]:
    """PUT /lke/clusters/{id}/pools/{id}: what the body leaves out stays as it is.

    A count that is asked for has to lie within the autoscaler's limits; one that is not is moved into new limits, as
    the autoscaler would do.
    """
    request = call.body(PoolUpdate)
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        cluster, pool = pool_at(call, state)
        count, autoscaler = _size_after(request, pool, len(nodes_of(state, pool.id)))
        changed = _changed(pool, request, autoscaler)
        state.put(changed)
        resize(state, changed, count, now=now)
        emit(state, "lke_pool_update", changed, now=now)
    call.reconciler.poke(cluster.id)
    return await _show(call, changed)


def _size_after(request: PoolUpdate, pool: PoolRecord, current: int) -> tuple[int, Autoscaler]:
    """How many nodes the pool should have now, and its limits."""
    count = request.count or current
    if request.autoscaler is not None:
        limits = autoscaler_of(request.autoscaler, count=count)
        fits = within(count, request.autoscaler)
    elif pool.autoscaler.enabled:
        limits = pool.autoscaler
        fits = limits.min <= count <= limits.max
    else:
        return count, autoscaler_of(None, count=count)
    if not fits and request.count is not None:
        raise invalid_all([Problem(reason="Must be between the autoscaler's min and max", field="count")])
    return (min(max(count, limits.min), limits.max) if limits.enabled else count), limits


def _changed(pool: PoolRecord, request: PoolUpdate, autoscaler: Autoscaler) -> PoolRecord:
    return pool.model_copy(
        update={
            "autoscaler": autoscaler,
            "label": pool.label if request.label is None else request.label,
            "labels": pool.labels if request.labels is None else request.labels,
            "taints": pool.taints if request.taints is None else _taints(request.taints),
            "tags": pool.tags if request.tags is None else tuple(request.tags),
            "firewall_id": request.firewall_id or pool.firewall_id,
        }
    )


async def delete_pool(call: Call) -> Mapping[str, Any]:
    """DELETE /lke/clusters/{id}/pools/{id}."""
    with call.account.store.transaction() as state:
        cluster, pool = pool_at(call, state)
        remove_pool(state, pool, now=call.account.timestamp())
    call.reconciler.poke(cluster.id)
    return {}


async def recycle_pool(call: Call) -> Mapping[str, Any]:
    """POST /lke/clusters/{id}/pools/{id}/recycle: every node is replaced, one after the other."""
    with call.account.store.transaction() as state:
        cluster, pool = pool_at(call, state)
        mark_for_recycling(state, nodes_of(state, pool.id))
        emit(state, "lke_pool_recycle", pool, now=call.account.timestamp())
    call.reconciler.poke(cluster.id)
    return {}


async def _show(call: Call, pool: PoolRecord) -> Mapping[str, Any]:
    with call.account.store.transaction() as state:
        nodes = nodes_of(state, pool.id)
    return show_pool(pool, nodes, await call.account.status(pool.cluster_id)).body()


_POOLS = "/lke/clusters/{cluster_id}/pools"
_POOL = _POOLS + "/{pool_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _POOLS, list_pools, READ, Bucket.LISTS),
    Operation("POST", _POOLS, create_pool, WRITE),
    Operation("GET", _POOL, view_pool, READ),
    Operation("PUT", _POOL, update_pool, WRITE),
    Operation("DELETE", _POOL, delete_pool, WRITE),
    Operation("POST", _POOL + "/recycle", recycle_pool, WRITE),
)
