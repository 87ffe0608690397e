"""Resources for tests of single rules, with the names that Fleet gives them."""

from __future__ import annotations

from typing import Any

from policies.guardrails.model import Planned, Resource

FLEET = "urn:pulumi:prod::fleet::fleet:index:Fleet"


def resource(kind: str, name: str, inputs: dict[str, Any], *, below: str = "", **more: Any) -> Resource:
    """A resource in the cluster `us`; `below` are the types of components above it, as in a URN."""
    provider = f"{FLEET}$fleet:lke:Cluster$pulumi:providers:kubernetes::us-provider::id"
    return Resource(urn=f"{FLEET}${below}{kind}::{name}", type=kind, inputs=inputs, **{"provider": provider, **more})


def planned(*resources: Resource, **sources: list[str]) -> list[Planned]:
    """These resources as a stack; `sources` are those of the last one's properties."""
    *before, last = resources
    return [*(Planned(resource=one) for one in before), Planned(resource=last, sources=sources)]
