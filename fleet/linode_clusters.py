"""What Linode has of the stack's clusters now: their versions, and as many nodes in pools as an autoscaler left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_linode as linode

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class LivePool:
    """One pool."""

    label: str
    type: str
    count: int
    unready: int
    """Nodes that Linode does not call ready."""


@dataclass(frozen=True, kw_only=True)
class LiveCluster:
    """One cluster."""

    version: str
    pools: Mapping[int, LivePool] = field(default_factory=dict)
    """By what Linode knows them by."""
    told_pools: bool = True
    """Whether Linode told them."""


def fetch_clusters(ids: Mapping[str, int]) -> dict[str, LiveCluster]:
    """Ask Linode for clusters by name and id; what it has not is left out."""
    if not ids:
        return {}
    versions = {cluster.id: cluster.k8s_version for cluster in linode.get_lke_clusters().lke_clusters or ()}
    return {name: _cluster(name, number, versions[number]) for name, number in ids.items() if number in versions}


def _cluster(name: str, number: int, version: str) -> LiveCluster:
    try:
        pools = linode.get_lke_cluster(id=number).pools
    except Exception as error:
        if not pulumi.runtime.is_dry_run():
            raise
        # With the pools comes the kubeconfig, which a token that only reads is not given; and only previews have such.
        pulumi.log.info(f"{name}: Linode does not tell its pools, so this preview counts what was last given: {error}")
        return LiveCluster(version=version, told_pools=False)
    return LiveCluster(
        version=version,
        pools={
            pool.id: LivePool(
                label=pool.label or "",
                type=pool.type,
                count=pool.count,
                unready=sum(node.status != "ready" for node in pool.nodes),
            )
            for pool in pools
        },
    )
