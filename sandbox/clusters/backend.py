"""The clusters behind the emulated Linode API: its asynchronous seam over what here blocks, a thread for each call."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sandbox.clusters.cluster import Cluster
from sandbox.errors import SandboxError
from sandbox.linode.backend import BackendError, ClusterStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.clusters.cluster import ClusterArgs
    from sandbox.linode.backend import ClusterAccess, ClusterSpec


class KubernetesBackend:
    """Implements ClusterBackend with real clusters."""

    def __init__(self, args: ClusterArgs) -> None:
        self._args = args
        self._clusters: dict[int, Cluster] = {}

    async def reconcile(self, cluster: ClusterSpec) -> None:
        """Make a cluster match. A call that is cancelled ends by itself, before the next change begins."""
        known = self._clusters.setdefault(cluster.id, Cluster(cluster.id, self._args))
        with _failures():
            await asyncio.to_thread(known.reconcile, cluster)

    async def delete(self, cluster_id: int) -> None:
        """Remove everything of a cluster."""
        known = self._clusters.setdefault(cluster_id, Cluster(cluster_id, self._args))
        with _failures():
            await asyncio.to_thread(known.delete)
        self._clusters.pop(cluster_id, None)

    async def status(self, cluster_id: int) -> ClusterStatus:
        """How far a cluster is."""
        known = self._clusters.get(cluster_id)
        return known.status() if known else ClusterStatus()

    async def access(self, cluster_id: int) -> ClusterAccess | None:
        """The administrator's credentials."""
        known = self._clusters.get(cluster_id)
        return await asyncio.to_thread(known.access) if known else None

    async def rotate_credentials(self, cluster_id: int) -> None:
        """Replace the administrator's token."""
        known = self._clusters.get(cluster_id)
        if known is None:
            raise BackendError(f"cluster {cluster_id} is not there yet")
        await asyncio.to_thread(known.rotate_credentials)

    async def close(self) -> None:
        """Let go of all clusters; they stay as they are."""
        for cluster in self._clusters.values():
            await asyncio.to_thread(cluster.stop)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (SandboxError, OSError) as error:
        raise BackendError(str(error)) from error
