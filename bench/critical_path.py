"""What an update waited for: its critical path, by the engine's own events and the dependencies in the state.

`pulumi up --event-log FILE` (with PULUMI_DEBUG_COMMANDS) writes an event a line, with the second that it happened in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource's part of an update, in seconds since the update began."""

    urn: str
    began: float
    ended: float

    @property
    def name(self) -> str:
        """The resource's name and type."""
        _, _, kind, name = self.urn.split("::")
        return f"{name} ({kind.rpartition('$')[2].rpartition(':')[2]})"


def steps(events: Path) -> dict[str, Step]:
    """Every resource that the update worked on, by URN."""
    found: dict[str, Step] = {}
    start: float | None = None
    began: dict[str, float] = {}
    for line in events.read_text().splitlines():
        event = json.loads(line)
        start = event["timestamp"] if start is None else start
        at = float(event["timestamp"] - start)
        if metadata := event.get("resourcePreEvent", {}).get("metadata"):
            began[metadata["urn"]] = at
        elif metadata := event.get("resOutputsEvent", {}).get("metadata"):
            urn = metadata["urn"]
            found[urn] = Step(urn=urn, began=began.get(urn, at), ended=at)
    return found


def waits_for(resources: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """What each resource of a state depends on: data, order, and the resource that its provider is."""
    found: dict[str, set[str]] = {}
    for resource in resources:
        provider = resource.get("provider", "").rpartition("::")[0]
        of_properties = (urn for urns in (resource.get("propertyDependencies") or {}).values() for urn in urns or ())
        found[resource["urn"]] = {*(resource.get("dependencies") or ()), *of_properties, provider} - {""}
    return found


def critical_path(taken: Mapping[str, Step], before: Mapping[str, set[str]], last: str) -> list[Step]:
    """The chain that ends with a resource, each link the one that its successor waited for longest; first one first."""
    chain = list(_backwards(taken, before, last))
    return chain[::-1]


def _backwards(taken: Mapping[str, Step], before: Mapping[str, set[str]], last: str) -> Iterator[Step]:
    urn: str | None = last
    while urn is not None:
        step = taken[urn]
        yield step
        # Only what ended by the time this began can have kept it waiting; seconds are all that events tell.
        earlier = [other for other in before.get(urn, ()) if other in taken and taken[other].ended <= step.began + 1]
        urn = max(earlier, key=lambda other: (taken[other].ended, taken[other].began), default=None)
