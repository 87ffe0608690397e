"""What Linode has of the stack's clusters now: their versions, and as many nodes in pools as an autoscaler left."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_linode as linode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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
    linodes: Mapping[int, int] = field(default_factory=dict)
    """Where it did not: how many Linodes name a pool in their labels, by pool."""

    @property
    def counts(self) -> Mapping[int, int]:
        """How many nodes each pool has, as far as Linode tells."""
        return {identity: pool.count for identity, pool in self.pools.items()} if self.told_pools else self.linodes


def fetch_clusters(ids: Mapping[str, int]) -> dict[str, LiveCluster]:
    """Ask Linode for clusters by name and id; what it has not is left out.

    Raises:
        pulumi.RunError: in an update, where Linode does not tell a cluster's pools.
    """
    if not ids:
        return {}
    versions = {cluster.id: cluster.k8s_version for cluster in linode.get_lke_clusters().lke_clusters or ()}
    return {name: _cluster(name, number, versions[number]) for name, number in ids.items() if number in versions}


def _cluster(name: str, number: int, version: str) -> LiveCluster:
    try:
        pools = linode.get_lke_cluster(id=number).pools
    except Exception as error:
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(untold(name, str(error))) from None
        # With the pools comes the kubeconfig, which a token that only reads is not given; and only previews have such.
        return LiveCluster(version=version, told_pools=False, linodes=_linodes(name, number, error))
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


def untold(name: str, error: str) -> str:
    """What to do where Linode does not tell a cluster's pools in an update."""
    if "[401]" not in error and "[403]" not in error:
        return f"cluster {name!r}: Linode does not tell its pools, whose nodes an update must not take away: {error}"
    return (
        f"cluster {name!r}: Linode does not tell its pools to this token. It tells them with the kubeconfig, which is "
        "given to those alone who may write: LINODE_TOKEN lacks Kubernetes: read/write (docs/environments.md has all "
        f"rights that an update needs). Linode says: {error}"
    )


def _linodes(name: str, number: int, untold: Exception) -> dict[int, int]:
    """How many Linodes each pool has by their labels, which a token that only reads is told; none where it is not."""
    wanted = linode.GetInstancesFilterArgs(name="label", values=[node_labels(str(number))], match_by="regex")
    try:
        instances = linode.get_instances(filters=[wanted]).instances or ()
    except Exception as error:
        pulumi.log.info(
            f"{name}: Linode tells neither its pools nor its Linodes, so this preview has what was last given: {error}"
        )
        return {}
    pulumi.log.info(
        f"{name}: Linode does not tell its pools, so this preview counts its Linodes by their labels: {untold}"
    )
    return by_pool(number, [instance.label for instance in instances])


def by_pool(number: int, labels: Iterable[str]) -> dict[int, int]:
    """How many Linodes of a cluster each pool has, by their labels."""
    pools = (re.match(rf"{node_labels(str(number))}(\d+)-", label) for label in labels)
    return dict(Counter(int(found[1]) for found in pools if found))


def node_labels(cluster_id: str) -> str:
    """A regular expression for the labels of a cluster's Linodes: LKE calls them ``lkeCLUSTER-POOL-HASH``."""
    return f"^lke{cluster_id}-"
