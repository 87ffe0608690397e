"""LKE clusters: list, make, view, change, delete, recycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.errors import Problem, invalid_all
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation, Version
from sandbox.linode.routes.lke_access import acl_after
from sandbox.linode.routes.lke_pools import make_pool
from sandbox.linode.routes.lke_views import READ, WRITE, cluster_at, show_cluster
from sandbox.linode.rules import label_problems, new_cluster_problems, upgrade_problems
from sandbox.linode.schemas.lke import BetaClusterCreate, ClusterCreate, ClusterUpdate
from sandbox.linode.state.addresses import Range, lease
from sandbox.linode.state.clusters import mark_for_recycling, nodes_of_cluster, remove_cluster, visible_clusters
from sandbox.linode.state.events import emit
from sandbox.linode.state.records import Acl, ClusterRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.linode.catalogue import Catalogue
    from sandbox.linode.state import Transaction

_FIRST_ID = 100_000
_FILTERABLE = frozenset({"k8s_version", "label", "region", "tags"})


async def list_clusters(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters."""
    with call.account.store.transaction() as state:
        clusters = visible_clusters(state)
    filterable = _FILTERABLE if call.version is Version.V4 else _FILTERABLE | {"tier"}
    return call.listing([show_cluster(cluster, call.version) for cluster in clusters], filterable=filterable)


async def create_cluster(call: Call) -> Mapping[str, Any]:
    """POST /lke/clusters: answers at once; the nodes become ready later."""
    request = call.body(ClusterCreate if call.version is Version.V4 else BetaClusterCreate)
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        problems = list(new_cluster_problems(request, call.account.catalogue, state))
        if problems:
            raise invalid_all(problems)
        cluster = _record(request, state, now=now)
        state.put(cluster)
        emit(state, "lke_cluster_create", cluster, now=now)
        for pool in request.node_pools:
            make_pool(state, cluster, pool, now=now)
    call.reconciler.poke(cluster.id)
    return show_cluster(cluster, call.version).body()


def _record(request: ClusterCreate, state: Transaction, *, now: str) -> ClusterRecord:
    cluster_id = state.next_id(ClusterRecord, first=_FIRST_ID)
    control_plane = request.control_plane
    return ClusterRecord(
        id=cluster_id,
        label=request.label,
        region=request.region,
        k8s_version=request.k8s_version,
        tier=request.wanted_tier,
        tags=tuple(request.tags or ()),
        high_availability=bool(control_plane and control_plane.high_availability),
        audit_logs=bool(control_plane and control_plane.audit_logs_enabled),
        acl=acl_after(Acl(), control_plane.acl if control_plane else None),
        address=lease(state, Range.API_SERVERS, cluster_id=cluster_id),
        created=now,
        updated=now,
    )


async def view_cluster(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters/{id}."""
    with call.account.store.transaction() as state:
        return show_cluster(cluster_at(call, state), call.version).body()


async def update_cluster(call: Call) -> Mapping[str, Any]:
    """PUT /lke/clusters/{id}: what the body leaves out stays as it is.

    A newer Kubernetes version takes effect in the control plane at once, and in nodes when they are recycled.
    """
    request = call.body(ClusterUpdate)
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        cluster = cluster_at(call, state)
        problems = list(_update_problems(request, cluster, call.account.catalogue, state))
        if problems:
            raise invalid_all(problems)
        changed = _changed(cluster, request, now=now)
        state.put(changed)
        emit(state, "lke_cluster_update", changed, now=now)
    call.reconciler.poke(cluster.id)
    return show_cluster(changed, call.version).body()


def _update_problems(
    request: ClusterUpdate, cluster: ClusterRecord, catalogue: Catalogue, state: Transaction
) -> Iterator[Problem]:
    if request.label is not None:
        yield from label_problems(request.label, state, of=cluster)
    if request.k8s_version is not None:
        yield from upgrade_problems(request.k8s_version, cluster, catalogue)
    if request.control_plane and request.control_plane.high_availability is False and cluster.high_availability:
        yield Problem(reason="High availability cannot be turned off", field="control_plane.high_availability")


def _changed(cluster: ClusterRecord, request: ClusterUpdate, *, now: str) -> ClusterRecord:
    control_plane = request.control_plane
    high_availability = control_plane.high_availability if control_plane else None
    audit_logs = control_plane.audit_logs_enabled if control_plane else None
    return cluster.model_copy(
        update={
            "label": request.label or cluster.label,
            "k8s_version": request.k8s_version or cluster.k8s_version,
            "tags": cluster.tags if request.tags is None else tuple(request.tags),
            "high_availability": cluster.high_availability or bool(high_availability),
            "audit_logs": cluster.audit_logs if audit_logs is None else audit_logs,
            "acl": acl_after(cluster.acl, control_plane.acl if control_plane else None),
            "updated": now,
        }
    )


async def delete_cluster(call: Call) -> Mapping[str, Any]:
    """DELETE /lke/clusters/{id}: its nodes go with it; load balancers and volumes stay in the account."""
    with call.account.store.transaction() as state:
        cluster = cluster_at(call, state)
        remove_cluster(state, cluster, now=call.account.timestamp())
    call.reconciler.poke(cluster.id)
    return {}


async def recycle_cluster(call: Call) -> Mapping[str, Any]:
    """POST /lke/clusters/{id}/recycle: every node is replaced, one after the other."""
    with call.account.store.transaction() as state:
        cluster = cluster_at(call, state)
        mark_for_recycling(state, nodes_of_cluster(state, cluster.id))
        emit(state, "lke_cluster_recycle", cluster, now=call.account.timestamp())
    call.reconciler.poke(cluster.id)
    return {}


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/lke/clusters", list_clusters, READ, Bucket.LISTS),
    Operation("POST", "/lke/clusters", create_cluster, WRITE),
    Operation("GET", "/lke/clusters/{cluster_id}", view_cluster, READ),
    Operation("PUT", "/lke/clusters/{cluster_id}", update_cluster, WRITE),
    Operation("DELETE", "/lke/clusters/{cluster_id}", delete_cluster, WRITE),
    Operation("POST", "/lke/clusters/{cluster_id}/recycle", recycle_cluster, WRITE),
)
