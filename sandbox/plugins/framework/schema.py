"""Resource types described by a table of properties, and whether inputs fit such a table.

Names, types, defaults, secrets and forced replacements of the official providers are facts to be listed,
not to be programmed. shaping.py does with values what the table says, schema_resource.py makes a resource
type of it, and tests hold the tables against the official SDK packages.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from sandbox.plugins.framework.diff import Path, render
from sandbox.plugins.framework.errors import CheckFailure
from sandbox.plugins.framework.values import UNKNOWN, Value, reveal

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(enum.Enum):
    """The type of a property's value, with the words for it in messages."""

    STRING = "a string"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    LIST = "a list"
    SET = "a list whose order does not count"
    MAP = "a map of strings"
    OBJECT = "an object"


class Use(enum.Enum):
    """Who gives a property its value."""

    REQUIRED = "the program must"
    OPTIONAL = "the program may"
    FILLED = "the program may, else the provider does"
    OUTPUT = "only the provider does"


class Storage(enum.Enum):
    """Whether a property is kept in the resource's outputs."""

    KEPT = "kept"
    WRITE_ONLY = "write-only"


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property: what it may be, who sets it, and what a change of it means.

    `force_new` says that any change in it needs a replacement. `default` is what the provider takes where
    the program gives nothing. `items` describes the elements of a list or set, `fields` an object's.
    """

    kind: Kind
    use: Use = Use.OPTIONAL
    force_new: bool = False
    secret: bool = False
    default: Value = None
    storage: Storage = Storage.KEPT
    items: Property | None = None
    fields: Mapping[str, Property] = field(default_factory=dict)

    @property
    def settable(self) -> bool:
        """Whether a program can give the property."""
        return self.use is not Use.OUTPUT


Schema: TypeAlias = Mapping[str, Property]

_PYTHON_TYPES: Final[Mapping[Kind, type | tuple[type, ...]]] = {
    Kind.STRING: str,
    Kind.INTEGER: int,
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: bool,
    Kind.LIST: list,
    Kind.SET: list,
    Kind.MAP: dict,
    Kind.OBJECT: dict,
}


def failures(schema: Schema, inputs: Mapping[str, Value]) -> list[CheckFailure]:
    """Everything in the inputs that the schema does not allow. No message repeats a value."""
    return list(_object_failures((), schema, reveal(dict(inputs))))


def force_new_paths(schema: Schema) -> frozenset[str]:
    """The properties whose change needs a replacement, as dotted paths without indices."""
    return frozenset(_force_new_paths((), schema))


def _force_new_paths(path: tuple[str, ...], schema: Schema) -> Iterator[str]:
    for name, prop in schema.items():
        here = (*path, name)
        if prop.force_new:
            yield ".".join(here)
        yield from _force_new_paths(here, prop.fields)
        if prop.items is not None:
            yield from _force_new_paths(here, prop.items.fields)


def _object_failures(path: Path, schema: Schema, value: Mapping[str, Value]) -> Iterator[CheckFailure]:
    for name, prop in schema.items():
        if prop.use is Use.REQUIRED and value.get(name) is None:
            yield CheckFailure(path=render((*path, name)), reason="this property is required and missing")
    for name, item in value.items():
        here = (*path, name)
        if name not in schema:
            names = ", ".join(sorted(key for key, prop in schema.items() if prop.settable))
            yield CheckFailure(path=render(here), reason=f"no such property; there are: {names}")
        elif not schema[name].settable:
            yield CheckFailure(path=render(here), reason="this property is an output and cannot be set")
        elif item is not None:
            yield from _value_failures(here, schema[name], item)


def _value_failures(path: Path, prop: Property, value: Value) -> Iterator[CheckFailure]:
    if value is UNKNOWN:
        return
    if not _fits(prop.kind, value):
        yield CheckFailure(path=render(path), reason=f"this has to be {prop.kind.value}")
    elif prop.kind is Kind.OBJECT:
        yield from _object_failures(path, prop.fields, value)
    elif prop.items is not None:
        for index, item in enumerate(value):
            yield from _value_failures((*path, index), prop.items, item)
    elif prop.kind is Kind.MAP:
        for key, item in value.items():
            yield from _value_failures((*path, key), Property(kind=Kind.STRING), item)


def _fits(kind: Kind, value: Value) -> bool:
    # A bool is an int to Python, but not to a schema.
    return isinstance(value, _PYTHON_TYPES[kind]) and (kind is Kind.BOOLEAN or not isinstance(value, bool))
