"""Rules on how many there are of what keeps no data."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import AGENT
from plan.steps import RELEASE
from policies.guardrails.model import Finding, Resource, Stack, section
from policies.guardrails.rules.karmada import is_control_plane

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_REPLICAS: Final = 2
PARTS_OF_KARMADA: Final = (
    "apiServer",
    "scheduler",
    "webhook",
    "controllerManager",
    "aggregatedApiServer",
    "kubeControllerManager",
)
"""Deployments of host mode, by their keys in the chart's values."""
DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"


def components_outlast_a_node(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """Nothing that keeps no data goes with one node."""
    alone = [part for part, replicas in _replicas(resource) if replicas < LEAST_REPLICAS]
    if alone:
        yield Finding(
            where=f"{'release' if resource.type == RELEASE else 'deployment'} {resource.name}",
            what=f"there is one replica of {', '.join(alone)}, which goes with its node",
            mend=f"Set fleet:componentReplicas to {LEAST_REPLICAS} or more, and no value over it to less",
            urn=resource.urn,
        )


def _replicas(resource: Resource) -> Iterator[tuple[str, int]]:
    """What a resource runs, and how many of each there are at least; charts have one where nothing is said."""
    values = section(resource.inputs, "values")
    chart = PurePosixPath(str(section(resource.inputs, "chart") or "")).name
    if is_control_plane(resource):
        for part in PARTS_OF_KARMADA:
            yield part, _number(values, part, "replicaCount")
    elif resource.type == RELEASE and chart == "istiod":
        scaled = section(values, "autoscaleEnabled") is not False
        yield "istiod", _number(values, "autoscaleMin" if scaled else "replicaCount")
    elif resource.type == RELEASE and chart == "gateway":
        scaled = section(values, "autoscaling", "enabled") is not False
        path = ("autoscaling", "minReplicas") if scaled else ("replicaCount",)
        yield "the gateway", _number(values, *path)
    elif resource.type == DEPLOYMENT and section(resource.inputs, "metadata", "name") == AGENT:
        yield "the agent", _number(resource.inputs, "spec", "replicas")


def _number(values: Any, *path: str) -> int:
    found = str(section(values, *path))
    return int(found) if found.isdecimal() else 1
