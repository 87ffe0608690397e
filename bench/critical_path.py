"""What an update waited for: its critical path, by the engine's own events and the dependencies in the state."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bench.event_log import Event


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

    @property
    def seconds(self) -> float:
        """How long the engine and the resource's plugin worked on it."""
        return self.ended - self.began


def steps(events: Iterable[Event]) -> dict[str, Step]:
    """Every resource that the update worked on, by URN."""
    found: dict[str, Step] = {}
    began: dict[str, float] = {}
    for event in events:
        if metadata := event.told.get("resourcePreEvent", {}).get("metadata"):
            began[metadata["urn"]] = event.seconds
        elif metadata := event.told.get("resOutputsEvent", {}).get("metadata"):
            urn = metadata["urn"]
            found[urn] = Step(urn=urn, began=began.get(urn, event.seconds), ended=event.seconds)
    return found


def waits_for(resources: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """What each resource of a state depends on: data, order, and the resource that its provider is.

    Components are left out: they are there for as long as their children, and do nothing themselves.
    """
    custom = {resource["urn"]: resource for resource in resources if resource.get("custom")}
    found: dict[str, set[str]] = {}
    for urn, resource in custom.items():
        provider = resource.get("provider", "").rpartition("::")[0]
        of_properties = (
            other for urns in (resource.get("propertyDependencies") or {}).values() for other in urns or ()
        )
        found[urn] = {*(resource.get("dependencies") or ()), *of_properties, provider} & custom.keys()
    return found


def waited_for(taken: Mapping[str, Step], before: Mapping[str, set[str]], last: str) -> list[Step]:
    """The chain that ends with a resource, each link the dependency that was there last; first one first.

    The time between two links is what the engine, the program and plugins that start take.
    """
    return list(_backwards(taken, before, last))[::-1]


def _backwards(taken: Mapping[str, Step], before: Mapping[str, set[str]], last: str) -> Iterator[Step]:
    urn: str | None = last
    while urn is not None:
        yield taken[urn]
        known = (other for other in before.get(urn, ()) if other in taken)
        urn = max(known, key=lambda other: (taken[other].ended, taken[other].began), default=None)


def critical_path(taken: Mapping[str, Step], before: Mapping[str, set[str]], last: str) -> float:
    """The least time in seconds in which a resource can be there: its longest chain of dependencies.

    What each link takes by itself is summed up; what lies between them is not. Raises graphlib.CycleError.
    """
    longest: dict[str, float] = {}
    for urn in TopologicalSorter(before).static_order():
        own = taken[urn].seconds if urn in taken else 0.0
        longest[urn] = own + max((longest[other] for other in before.get(urn, ())), default=0.0)
    return longest[last]
