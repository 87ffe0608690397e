"""The endpoints of the API, by the part of it that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.linode.routes import (
    account,
    catalogue,
    lke_access,
    lke_clusters,
    lke_nodes,
    lke_pools,
)

if TYPE_CHECKING:
    from sandbox.linode.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *account.OPERATIONS,
    *catalogue.OPERATIONS,
    *lke_access.OPERATIONS,
    *lke_clusters.OPERATIONS,
    *lke_nodes.OPERATIONS,
    *lke_pools.OPERATIONS,
)
"""Every endpoint."""
