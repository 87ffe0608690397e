"""What gives access to a cluster: kubeconfig, tokens, endpoints, dashboard, the control plane's access control list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sandbox.linode.backend import API_SERVER_PORT, BackendError
from sandbox.linode.errors import not_yet_available
from sandbox.linode.kubeconfig import kubeconfig
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation
from sandbox.linode.routes.lke_views import READ, WRITE, cluster_at, show_acl
from sandbox.linode.schemas.lke import AclUpdate, Endpoint, Regenerate
from sandbox.linode.state.events import emit
from sandbox.linode.state.records import Acl, ClusterRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.linode.backend import ClusterAccess
    from sandbox.linode.schemas.lke import AclRequest


def acl_after(acl: Acl, request: AclRequest | None) -> Acl:
    """An access control list after a request; what the request leaves out stays, but a revision is always new."""
    if request is None:
        return acl
    addresses = request.addresses
    ipv4 = addresses.ipv4 if addresses else None
    ipv6 = addresses.ipv6 if addresses else None
    return Acl(
        enabled=acl.enabled if request.enabled is None else request.enabled,
        revision=request.revision_id or uuid4().hex,
        ipv4=acl.ipv4 if ipv4 is None else tuple(ipv4),
        ipv6=acl.ipv6 if ipv6 is None else tuple(ipv6),
    )


def endpoint_of(cluster: ClusterRecord) -> str:
    """Where a cluster's API server is."""
    return f"https://{cluster.address}:{API_SERVER_PORT}"


async def _access(call: Call, cluster: ClusterRecord, *, what: str) -> ClusterAccess:
    """The credentials of a cluster whose API server answers. Raises ApiError: 503, not yet."""
    try:
        access = await call.account.backend.access(cluster.id)
    except BackendError as error:
        raise not_yet_available(what) from error
    if access is None:
        raise not_yet_available(what)
    return access


async def view_kubeconfig(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters/{id}/kubeconfig."""
    cluster = _cluster(call)
    access = await _access(call, cluster, what="Cluster kubeconfig is")
    return {"kubeconfig": kubeconfig(cluster.id, endpoint_of(cluster), access)}


async def delete_kubeconfig(call: Call) -> Mapping[str, Any]:
    """DELETE /lke/clusters/{id}/kubeconfig: a new one takes its place, and the old one works no more."""
    return await _rotate(call, "lke_kubeconfig_regenerate")


async def delete_service_token(call: Call) -> Mapping[str, Any]:
    """DELETE /lke/clusters/{id}/servicetoken: the token in the kubeconfig is replaced."""
    return await _rotate(call, "lke_token_rotate")


async def regenerate(call: Call) -> Mapping[str, Any]:
    """POST /lke/clusters/{id}/regenerate: replace the kubeconfig, the token, or both."""
    request = call.body(Regenerate)
    if request.kubeconfig or request.servicetoken:
        return await _rotate(call, "lke_cluster_regenerate")
    _cluster(call)
    return {}


async def _rotate(call: Call, action: str) -> Mapping[str, Any]:
    cluster = _cluster(call)
    await _access(call, cluster, what="Cluster kubeconfig is")
    try:
        await call.reconciler.rotate_credentials(cluster.id)
    except BackendError as error:
        raise not_yet_available("Cluster kubeconfig is") from error
    with call.account.store.transaction() as state:
        emit(state, action, cluster, now=call.account.timestamp())
    return {}


async def list_api_endpoints(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters/{id}/api-endpoints."""
    cluster = _cluster(call)
    await _access(call, cluster, what="Cluster API Endpoints are")
    return call.listing([Endpoint(endpoint=endpoint_of(cluster))], filterable=frozenset())


async def view_dashboard(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters/{id}/dashboard: the address has LKE's shape, but a sandbox has no dashboard to serve."""
    cluster = _cluster(call)
    await _access(call, cluster, what="Cluster Dashboard URL is")
    return {"url": f"{endpoint_of(cluster)}/dashboard"}


async def view_acl(call: Call) -> Mapping[str, Any]:
    """GET /lke/clusters/{id}/control_plane_acl."""
    return show_acl(_cluster(call).acl).body()


async def update_acl(call: Call) -> Mapping[str, Any]:
    """PUT /lke/clusters/{id}/control_plane_acl: what the body leaves out stays as it is."""
    request = call.body(AclUpdate).acl
    return show_acl(_keep_acl(call, lambda acl: acl_after(acl, request), "update")).body()


async def delete_acl(call: Call) -> Mapping[str, Any]:
    """DELETE /lke/clusters/{id}/control_plane_acl: everyone may reach the API server again."""
    _keep_acl(call, lambda _: Acl(), "delete")
    return {}


def _keep_acl(call: Call, change: Callable[[Acl], Acl], verb: str) -> Acl:
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        cluster = cluster_at(call, state)
        changed = cluster.model_copy(update={"acl": change(cluster.acl), "updated": now})
        state.put(changed)
        emit(state, f"lke_control_plane_acl_{verb}", changed, now=now)
    call.reconciler.poke(cluster.id)
    return changed.acl


def _cluster(call: Call) -> ClusterRecord:
    with call.account.store.transaction() as state:
        return cluster_at(call, state)


_CLUSTER = "/lke/clusters/{cluster_id}"
_KUBECONFIG = _CLUSTER + "/kubeconfig"
_ENDPOINTS = _CLUSTER + "/api-endpoints"
_ACL = _CLUSTER + "/control_plane_acl"
OPERATIONS: tuple[Operation, ...] = (
    # A kubeconfig is an administrator's key: reading it takes write access, as with Linode.
    Operation("GET", _KUBECONFIG, view_kubeconfig, WRITE),
    Operation("DELETE", _KUBECONFIG, delete_kubeconfig, WRITE),
    Operation("DELETE", _CLUSTER + "/servicetoken", delete_service_token, WRITE),
    Operation("POST", _CLUSTER + "/regenerate", regenerate, WRITE),
    Operation("GET", _ENDPOINTS, list_api_endpoints, READ, Bucket.LISTS),
    Operation("GET", _CLUSTER + "/dashboard", view_dashboard, READ),
    Operation("GET", _ACL, view_acl, READ),
    Operation("PUT", _ACL, update_acl, WRITE),
    Operation("DELETE", _ACL, delete_acl, WRITE),
)
