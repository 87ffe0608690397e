"""Steps for tests, with the names that Fleet gives its resources."""

from __future__ import annotations

from typing import Any

from plan.steps import LKE_CLUSTER, RELEASE, Resource, Step

FLEET = "urn:pulumi:prod::fleet::fleet:index:Fleet"
POOL = {"label": "main", "type": "g6-standard-4", "count": 3}


def resource(kind: str, name: str, inputs: dict[str, Any], *, cluster: str = "us", **more: Any) -> Resource:
    """A resource in a cluster, or the cluster itself."""
    provider = f"{FLEET}$fleet:lke:Cluster$pulumi:providers:kubernetes::{cluster}-provider::id"
    more = {"provider": provider, **more}
    return Resource(urn=f"{FLEET}${kind}::{name}", type=kind, inputs=inputs, **more)


def cluster(name: str = "us", *pools: dict[str, Any], **inputs: Any) -> Resource:
    """An LKE cluster; without pools it has `POOL`."""
    protect = bool(inputs.pop("protect", False))
    outputs = inputs.pop("outputs", {})
    wanted = {"region": "us-east", "k8sVersion": "1.35", "pools": list(pools or (POOL,)), **inputs}
    return resource(LKE_CLUSTER, f"{name}-cluster", wanted, provider="", protect=protect, outputs=outputs)


def release(name: str, chart: str, values: dict[str, Any], *, cluster: str = "us") -> Resource:
    """A Helm release in a cluster."""
    return resource(RELEASE, name, {"chart": chart, "values": values}, cluster=cluster)


def step(op: str, old: Resource | None = None, new: Resource | None = None, **more: Any) -> Step:
    """What the engine would do with a resource."""
    state = new or old
    assert state is not None
    return Step(op=op, urn=state.urn, type=state.type, old=old, new=new, **more)
