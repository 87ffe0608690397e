"""What differs between two property bags, place by place, and what of it needs a replacement."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from sandbox.plugins.framework.values import UNKNOWN, Secret, Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Path: TypeAlias = tuple[str | int, ...]

_PLAIN_KEY: Final = re.compile(r"\w+", re.ASCII)


class Change(enum.Enum):
    """The way in which one place differs."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


class Compared(enum.Enum):
    """What the two sides of a difference are, so that the engine shows the right values."""

    INPUTS = "inputs"
    STATE = "state"


@dataclass(frozen=True, kw_only=True)
class PropertyDiff:
    """One place that differs, and whether that difference forces a replacement."""

    change: Change
    replaces: bool = False
    compared: Compared = Compared.INPUTS


@dataclass(frozen=True, kw_only=True)
class Diff:
    """The answer to a diff: the places that differ, by property path."""

    properties: Mapping[str, PropertyDiff] = field(default_factory=dict)

    @property
    def replaces(self) -> list[str]:
        """The paths that force a replacement."""
        return sorted(path for path, change in self.properties.items() if change.replaces)


def compare(
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    *,
    force_new: Collection[str] = (),
    compared: Compared = Compared.INPUTS,
) -> dict[str, PropertyDiff]:
    """Every place at which two property bags differ, by property path.

    `force_new` holds dotted paths without list indices: "subject" covers all that lies in it, and
    "pools.type" covers the type of every pool. Secrecy is no difference; an unknown new value is one.
    """
    found = {}
    for path, change in _walk((), dict(old), dict(new)):
        names = [step for step in path if isinstance(step, str)]
        replaces = any(".".join(names[: end + 1]) in force_new for end in range(len(names)))
        found[render(path)] = PropertyDiff(change=change, replaces=replaces, compared=compared)
    return found


def render(path: Path) -> str:
    """The path in Pulumi's notation: `spec.ports[0].name`, `metadata.labels["a/b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def _walk(path: Path, old: Value, new: Value) -> Iterator[tuple[Path, Change]]:
    old = old.value if isinstance(old, Secret) else old
    new = new.value if isinstance(new, Secret) else new
    match old, new:
        case dict(), dict():
            for key in sorted(old.keys() | new.keys()):
                yield from _walk((*path, key), old.get(key), new.get(key))
        case list(), list():
            for index in range(max(len(old), len(new))):
                before = old[index] if index < len(old) else None
                after = new[index] if index < len(new) else None
                yield from _walk((*path, index), before, after)
        case None, None:
            return
        case None, _:
            yield path, Change.ADD
        case _, None:
            yield path, Change.DELETE
        case _:
            if new is UNKNOWN or type(old) is not type(new) or old != new:
                yield path, Change.UPDATE
