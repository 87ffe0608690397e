"""Rules on what an update takes away: a cluster, or all of a pool's nodes, only goes where the config says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plan.dangers import dangers, unacknowledged
from plan.steps import LKE_CLUSTER, Step, cluster_of
from policies.guardrails.export import StateError
from policies.guardrails.model import Finding, Resource, Stack, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = "pulumi:pulumi:Stack"
"""The first resource that an update registers: what goes is told before anything is done."""
REPLACING: Final = ("region", "tier", "aplEnabled")
"""Changes for which a cluster is made anew (terraform-provider-linode, linode/lke/schema_resource.go, ForceNew)."""


def losses_are_acknowledged(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """A cluster that is deleted, replaced or recycled stands in fleet:acknowledged."""
    if resource.type not in (ROOT, LKE_CLUSTER):
        return
    try:
        clusters = {one.urn: one for one in stack.deployed() if one.type == LKE_CLUSTER}
    except StateError as error:
        if resource.type == ROOT:
            yield Finding(
                where="stack",
                what=f"what is deployed cannot be read, so that nobody knows what is lost: {error}",
                mend="Mend that, or set fleet:guardrails.levels.acknowledged to advisory for once",
            )
        return
    steps = _deletions(clusters.values(), stack) if resource.type == ROOT else _change(resource, clusters)
    for danger in unacknowledged(dangers(steps), stack.acknowledged):
        words = danger.acknowledgement
        yield Finding(
            where="the update",
            what=danger.what,
            mend=f'If that is meant, list "{words}" in fleet:acknowledged, and take it out again afterwards',
            urn=resource.urn,
        )


def _deletions(clusters: Iterable[Resource], stack: Stack) -> list[Step]:
    gone = (cluster for cluster in clusters if cluster_of(cluster) not in stack.clusters)
    return [Step(op="delete", urn=cluster.urn, type=cluster.type, old=cluster) for cluster in gone]


def _change(new: Resource, clusters: dict[str, Resource]) -> list[Step]:
    old = clusters.get(new.urn)
    if old is None:
        return []
    keys = tuple(key for key in REPLACING if _differs(old, new, key))
    return [Step(op="replace" if keys else "update", urn=new.urn, type=new.type, old=old, new=new, keys=keys)]


def _differs(old: Resource, new: Resource, key: str) -> bool:
    wanted = section(new.inputs, key)
    # What is not asked for is left as Linode made it.
    return wanted is not None and wanted != section(old.inputs, key)
