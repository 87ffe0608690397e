"""What is still missing until a cluster is ready, or gone. Each function answers None when nothing is."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sandbox.plugins.linode.api import ApiFailureError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from sandbox.plugins.linode.api import Api, Json


def cluster_path(cluster_id: int) -> str:
    """A cluster's place in the API."""
    return f"/lke/clusters/{cluster_id}"


def pools_of(api: Api, cluster_id: int) -> list[Json]:
    """The cluster's pools, with their nodes."""
    return api.list(f"{cluster_path(cluster_id)}/pools")


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


def missing_first_node(api: Api, cluster_id: int) -> Callable[[], str | None]:
    """Whether any node is ready, which is all that the original waits for after a creation."""

    def look() -> str | None:
        nodes = [node for pool in pools_of(api, cluster_id) for node in pool.get("nodes") or ()]
        return None if any(node["status"] == "ready" for node in nodes) else "waiting for a first node to be ready"

    return look


def missing_nodes(api: Api, cluster_id: int, *, pool_ids: Collection[int]) -> Callable[[], str | None]:
    """Whether the nodes of some pools are ready.

    Ready as the API says it, which asks Kubernetes: so the API server itself need not be reachable.
    """

    def look() -> str | None:
        pools = [pool for pool in pools_of(api, cluster_id) if pool["id"] in pool_ids]
        nodes = [node for pool in pools for node in pool.get("nodes") or ()]
        wanted = max(sum(pool["count"] for pool in pools), len(nodes))
        ready = sum(node["status"] == "ready" for node in nodes)
        return None if ready == wanted else f"waiting for nodes: {ready} of {wanted} ready"

    return look


def undeleted(api: Api, instances: Sequence[int]) -> Callable[[], str | None]:
    """Whether the account's events tell that instances, which cost money, were deleted.

    The original looks there and nowhere else (linode/lke/cluster.go, waitForNodesDeleted), so that a token needs
    `events:read_only`.
    """
    left = set(instances)
    asked = {"entity.type": "linode", "action": "linode_delete", "+order_by": "created", "+order": "desc"}

    def look() -> str | None:
        left.difference_update(event["entity"]["id"] for event in api.list("/account/events", asked))
        return f"waiting for nodes to be gone: {len(left)} left" if left else None

    return look


def remaining(api: Api, cluster_id: int) -> Callable[[], str | None]:
    """Whether the cluster is gone."""

    def look() -> str | None:
        return None if api.find(cluster_path(cluster_id)) is None else "waiting for the cluster to be gone"

    return look
