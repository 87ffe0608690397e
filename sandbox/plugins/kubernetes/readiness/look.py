"""One look at an object and what belongs to it, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError, UnreachableError
from sandbox.plugins.kubernetes.objects import Object, pluck

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an object has come.

    `status` is a line for the user while it is awaited; `problems` are the reasons to give if nothing
    improves; `failed` says that nothing will improve without a change.
    """

    ready: bool
    status: str = ""
    problems: tuple[str, ...] = ()
    failed: bool = False


READY = Progress(ready=True)


class Lister(Protocol):
    """What a view needs of a cluster."""

    def list_objects(self, wanted: Kind, space: str = "", **query: str) -> list[Object]:
        """The objects of a kind in a namespace."""


class View:
    """The object as it is now, as it was before the operation, and a way to see what belongs to it."""

    def __init__(self, cluster: Lister, live: Object, before: Object | None) -> None:
        """`before` is the live object that an update started from, or None for a new one."""
        self.live = live
        self.before = before
        self._cluster = cluster
        self._seen: dict[Kind, list[Object]] = {}

    @property
    def observed(self) -> bool:
        """Whether the object's controller has seen its present generation, where both say so."""
        generation = pluck(self.live, "metadata", "generation")
        observed = pluck(self.live, "status", "observedGeneration")
        return generation is None or observed is None or observed >= generation

    def related(self, wanted: Kind) -> list[Object]:
        """The objects of a kind in the object's namespace: none if the user may not see them.

        Asked for once per look. They only explain and refine; the object itself has the say.
        """
        if wanted not in self._seen:
            space = pluck(self.live, "metadata", "namespace", default="")
            try:
                self._seen[wanted] = self._cluster.list_objects(wanted, space)
            except (ApiError, NoMatchError, UnreachableError):
                self._seen[wanted] = []
        return self._seen[wanted]


class Condition(Protocol):
    """What makes an object ready."""

    def look(self, view: View) -> Progress:
        """How far the object has come."""


def state_of(obj: Object, condition_type: str) -> Object:
    """The entry of status.conditions of that type, empty if there is none."""
    for condition in pluck(obj, "status", "conditions", default=[]):
        if condition.get("type") == condition_type:
            found: Object = condition
            return found
    return {}


def is_true(obj: Object, condition_type: str) -> bool:
    """Whether a condition is there and true."""
    return bool(state_of(obj, condition_type).get("status") == "True")


def explain(condition: Object) -> str:
    """A condition's reason and message, as they read in an error."""
    return f"[{condition.get('reason', 'Unknown')}] {condition.get('message', '')}".rstrip()
