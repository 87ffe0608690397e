"""Rules that need more than one request to judge: the catalogue, or what the account already has.

Where the live API's words are known they are used ("region is not valid"); the rest follow their style.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.linode.catalogue import version_key
from sandbox.linode.errors import Problem
from sandbox.linode.state.clusters import visible_clusters
from sandbox.linode.state.records import Autoscaler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.linode.catalogue import Catalogue
    from sandbox.linode.schemas.catalogue import LinodeType, Region
    from sandbox.linode.schemas.lke import AutoscalerRequest, ClusterCreate, PoolCreate
    from sandbox.linode.state import Transaction
    from sandbox.linode.state.records import ClusterRecord

_CAPABILITY_OF_CLASS = {
    "gpu": "GPU Linodes",
    "premium": "Premium Plans",
    "accelerated": "NETINT Quadra T1U",
}


def new_cluster_problems(request: ClusterCreate, catalogue: Catalogue, state: Transaction) -> Iterator[Problem]:
    """What is wrong with a cluster to be made."""
    yield from label_problems(request.label, state)
    region = catalogue.regions.get(request.region)
    if region is None or "Kubernetes" not in region.capabilities:
        yield not_valid("region")
        region = None
    if request.k8s_version not in {version.id for version in catalogue.tiered_lke_versions(request.wanted_tier)}:
        yield not_valid("k8s_version")
    for index, pool in enumerate(request.node_pools):
        yield from new_pool_problems(pool, catalogue, region, prefix=f"node_pools[{index}].")


def new_pool_problems(
    request: PoolCreate, catalogue: Catalogue, region: Region | None, *, prefix: str = ""
) -> Iterator[Problem]:
    """What is wrong with a pool to be made."""
    plan = catalogue.types.get(request.type)
    if plan is None or not _usable(plan, region):
        yield not_valid("type", prefix=prefix)
    if not within(request.count, request.autoscaler):
        yield Problem(reason="Must be between the autoscaler's min and max", field=f"{prefix}count")


def _usable(plan: LinodeType, region: Region | None) -> bool:
    """Whether nodes can have a plan; the smallest plan is too small for LKE."""
    if plan.class_ == "nanode":
        return False
    needed = _CAPABILITY_OF_CLASS.get(plan.class_)
    return needed is None or region is None or needed in region.capabilities


def within(count: int, autoscaler: AutoscalerRequest | None) -> bool:
    """Whether a count that was asked for lies within the limits that were asked for."""
    if autoscaler is None or not autoscaler.enabled or autoscaler.min is None or autoscaler.max is None:
        return True
    return autoscaler.min <= count <= autoscaler.max


def autoscaler_of(request: AutoscalerRequest | None, *, count: int) -> Autoscaler:
    """The limits to keep; a pool that does not scale has its own count as both, as Linode shows it."""
    if request is None or not request.enabled:
        return Autoscaler(enabled=False, min=count, max=count)
    return Autoscaler(enabled=True, min=request.min or count, max=request.max or count)


def label_problems(label: str, state: Transaction, *, of: ClusterRecord | None = None) -> Iterator[Problem]:
    """A cluster's label is the account's only one; `of` is the cluster that already has it."""
    if any(cluster.label == label and (of is None or cluster.id != of.id) for cluster in visible_clusters(state)):
        yield Problem(reason="Label must be unique among your clusters", field="label")


def upgrade_problems(version: str, cluster: ClusterRecord, catalogue: Catalogue) -> Iterator[Problem]:
    """Kubernetes goes up one minor version at a time, and never down."""
    if version == cluster.k8s_version:
        return
    if version not in catalogue.kubernetes_versions:
        yield not_valid("k8s_version")
        return
    major, minor = version_key(cluster.k8s_version)
    if version_key(version) != (major, minor + 1):
        yield Problem(
            reason=f"Clusters of version {cluster.k8s_version} can only be upgraded to {major}.{minor + 1}",
            field="k8s_version",
        )


def not_valid(field: str, *, prefix: str = "") -> Problem:
    """In the live API's words."""
    return Problem(reason=f"{field} is not valid", field=f"{prefix}{field}")
