"""What changes, by kind: deletions first, then replacements, updates and creations, each grouped by resource type.

Of an update it is told which properties change, and from what to what where both are short and plain. A value that the
engine marks as secret, and anything inside a Kubernetes Secret, is never shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import jsonpath

from plan.steps import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plan.steps import Resource, Step

OPERATIONS: Final[Mapping[str, str]] = {
    "delete": "delete",
    "replace": "replace",
    "update": "update",
    "create": "create",
}
"""The operations that a reader cares about, in the order of concern. `replace` stands for its three steps."""
IMPORTED: Final = frozenset({"import", "import-replacement"})
_SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 - a type's name
_LONGEST: Final = 40
"""Characters of a value that is shown; longer ones are no help in a table."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that changes, and how."""

    name: str
    details: tuple[str, ...] = ()
    """Changed properties: `pools[0].count: 3 → 2`, or the path alone."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """All resources of one type to which the same is done."""

    op: str
    kind: str
    """The type in short: `linode LkeCluster`, `kubernetes Release`."""
    changes: tuple[Change, ...]


def groups(steps: Iterable[Step]) -> list[Group]:
    """The changes of a plan; components are left out, since they only group others."""
    found: dict[tuple[str, str], list[Change]] = {}
    for step in steps:
        state = step.new or step.old
        op = "create" if step.op in IMPORTED else step.op
        if op in OPERATIONS and state is not None and state.custom and not _is_default_provider(step):
            details = tuple(_details(step)) if op in ("update", "replace") else ()
            found.setdefault((op, kind_of(step.type)), []).append(Change(name=step.name, details=details))
    return [
        Group(op=op, kind=kind, changes=tuple(sorted(changes, key=lambda change: change.name)))
        for (op, kind), changes in sorted(found.items(), key=lambda entry: _rank(*entry[0]))
    ]


def _rank(op: str, kind: str) -> tuple[int, bool, str]:
    """What is deleted first; of each operation first what Linode bills."""
    return list(OPERATIONS).index(op), not kind.startswith("linode "), kind


def _is_default_provider(step: Step) -> bool:
    """Whether it is a provider that the engine makes of its own accord: no part of the program."""
    return step.type.startswith("pulumi:providers:") and step.name.startswith("default_")


def kind_of(resource_type: str) -> str:
    """A type in short: `kubernetes:helm.sh/v3:Release` gives `kubernetes Release`."""
    package, _, rest = resource_type.partition(":")
    return f"{package} {rest.rsplit(':', 1)[-1]}"


def _details(step: Step) -> Iterable[str]:
    for path in sorted(step.diff):
        values = [_shown(_value(state, path)) for state in (step.old, step.new)]
        if step.type == _SECRET or None in values or values[0] == values[1]:
            yield path
        else:
            yield f"{path}: {values[0]} → {values[1]}"


def _value(state: Resource | None, path: str) -> Any:
    """The value at a property path, None where there is none. Pulumi's paths are JSONPath without its `$.`."""
    try:
        found = jsonpath.findall(f"$.{path}", dict(state.inputs) if state else {})
    except jsonpath.JSONPathError:
        # Keys such as `fleet/certificate` need quotes in JSONPath, which not every provider writes.
        return None
    return known(found[0]) if found else None


def _shown(value: Any) -> str | None:
    """A short plain value as text; None for anything else."""
    if value is None or isinstance(value, dict | list):
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    # Pulumi keeps numbers as floats.
    text = text.removesuffix(".0") if isinstance(value, float) else text
    return text if len(text) <= _LONGEST and text.isprintable() else None
