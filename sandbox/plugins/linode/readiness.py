"""What is still missing until a cluster is ready, or gone. Each function answers None when nothing is."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sandbox.plugins.linode.api import ApiFailureError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sandbox.plugins.linode.api import Api, Json


def cluster_path(cluster_id: int) -> str:
    """A cluster's place in the API."""
    return f"/lke/clusters/{cluster_id}"


def pools_of(api: Api, cluster_id: int) -> list[Json]:
    """The cluster's pools, with their nodes."""
    return api.list(f"{cluster_path(cluster_id)}/pools")


def node_ids(pools: Iterable[Json]) -> set[str]:
    """The ids of the pools' nodes. A recycled node has a new one."""
    return {node["id"] for pool in pools for node in pool.get("nodes") or ()}


def instance_ids(pools: Iterable[Json]) -> list[int]:
    """The Linode instances behind the pools' nodes, as far as there are any yet."""
    return [node["instance_id"] for pool in pools for node in pool.get("nodes") or () if node["instance_id"]]


def kubeconfig_or_none(api: Api, cluster_id: int) -> str | None:
    """The base64 text, or None as long as the control plane has none to give."""
    try:
        found: str = api.get(f"{cluster_path(cluster_id)}/kubeconfig")["kubeconfig"]
    except ApiFailureError as error:
        # "Cluster kubeconfig is not yet available. Please try again later."
        if error.status is HTTPStatus.SERVICE_UNAVAILABLE or "not yet available" in str(error):
            return None
        raise
    return found


def missing_kubeconfig(api: Api, cluster_id: int) -> Callable[[], str | None]:
    """Whether the control plane is there."""

    def look() -> str | None:
        return None if kubeconfig_or_none(api, cluster_id) else "waiting for the control plane"

    return look


def missing_nodes(
    api: Api, cluster_id: int, *, pool_ids: Collection[int] | None = None, old_nodes: Collection[str] = ()
) -> Callable[[], str | None]:
    """Whether the nodes of some pools, or of all, are ready, and the old ones replaced.

    Ready as the API says it, which asks Kubernetes: so the API server itself need not be reachable.
    """

    def look() -> str | None:
        pools = [pool for pool in pools_of(api, cluster_id) if pool_ids is None or pool["id"] in pool_ids]
        nodes = [node for pool in pools for node in pool.get("nodes") or ()]
        wanted = max(sum(pool["count"] for pool in pools), len(nodes))
        ready = sum(node["status"] == "ready" and node["id"] not in old_nodes for node in nodes)
        return None if ready == wanted else f"waiting for nodes: {ready} of {wanted} ready"

    return look


def remaining_cluster(api: Api, cluster_id: int) -> Callable[[], str | None]:
    """Whether the cluster is gone."""
    return lambda: None if api.find(cluster_path(cluster_id)) is None else "waiting for the cluster to be gone"


def remaining_nodes(api: Api, instances: Iterable[int]) -> Callable[[], str | None]:
    """Whether instances, which cost money, are gone: as the official provider sees it, by the account's events.

    So whoever may not read events can neither raise a cluster's version nor delete one (linode/lke/cluster.go,
    waitForNodesDeleted).
    """
    left = set(instances)
    deleted = {"entity.type": "linode", "action": "linode_delete", "+order_by": "created", "+order": "desc"}

    def look() -> str | None:
        if left:
            left.difference_update(event["entity"]["id"] for event in api.list("/account/events", deleted))
        return f"waiting for nodes to be gone: {len(left)} left" if left else None

    return look
