"""The endpoints of the API, by the part of it that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.linode.routes import (
    account,
    balancer_configs,
    catalogue,
    firewall_devices,
    firewalls,
    instance_parts,
    instances,
    lke_access,
    lke_clusters,
    lke_nodes,
    lke_pools,
    nodebalancers,
    object_storage,
    object_storage_keys,
    volumes,
)

if TYPE_CHECKING:
    from sandbox.linode.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *account.OPERATIONS,
    *balancer_configs.OPERATIONS,
    *catalogue.OPERATIONS,
    *firewall_devices.OPERATIONS,
    *firewalls.OPERATIONS,
    *instance_parts.OPERATIONS,
    *instances.OPERATIONS,
    *lke_access.OPERATIONS,
    *lke_clusters.OPERATIONS,
    *lke_nodes.OPERATIONS,
    *lke_pools.OPERATIONS,
    *nodebalancers.OPERATIONS,
    *object_storage.OPERATIONS,
    *object_storage_keys.OPERATIONS,
    *volumes.OPERATIONS,
)
"""Every endpoint."""
