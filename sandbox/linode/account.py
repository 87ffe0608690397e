"""What one emulated account consists of, and what handlers work with."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.linode.backend import BackendError, ClusterStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.linode.backend import ClusterBackend
    from sandbox.linode.balancers import BalancerBackend
    from sandbox.linode.catalogue import Catalogue
    from sandbox.linode.object_store import ObjectStore
    from sandbox.linode.state import Store

_LOG = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Account:
    """The catalogue, the state, what makes clusters, load balancers and buckets real, and the time."""

    catalogue: Catalogue
    store: Store
    backend: ClusterBackend
    balancers: BalancerBackend
    object_store: ObjectStore
    clock: Callable[[], datetime] = utc_now

    def timestamp(self) -> str:
        """Now, as the API writes times: ISO 8601 in UTC, to the second, with no zone."""
        return self.clock().strftime("%Y-%m-%dT%H:%M:%S")

    async def status(self, cluster_id: int) -> ClusterStatus:
        """How far a cluster is; a status that cannot be had counts as nothing being ready."""
        try:
            return await self.backend.status(cluster_id)
        except BackendError as error:
            _LOG.warning("cluster %d has no status: %s", cluster_id, error)
            return ClusterStatus()
