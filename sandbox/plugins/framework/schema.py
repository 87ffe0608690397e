"""Resource types described by a table of properties, and what follows from such a table.

Names, types, defaults, secrets and forced replacements of the official providers are facts to be listed,
not to be programmed: `SchemaResource` checks and compares by the list, and tests hold the list against the
official SDK packages.
"""

from __future__ import annotations

import enum
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from sandbox.plugins.framework.diff import Diff, Path, compare, render
from sandbox.plugins.framework.errors import CheckFailure
from sandbox.plugins.framework.provider import ResourceType
from sandbox.plugins.framework.requests import CheckResult
from sandbox.plugins.framework.values import UNKNOWN, Properties, Value, carry_secrets, reveal, secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sandbox.plugins.framework.requests import CheckRequest, DiffRequest


class Kind(enum.Enum):
    """The type of a property's value, with the words for it in messages."""

    STRING = "a string"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    LIST = "a list"
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
    the program gives nothing. `items` describes a list's elements, `fields` an object's.
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


Schema: TypeAlias = "Mapping[str, Property]"

_PYTHON_TYPES: Final[Mapping[Kind, type | tuple[type, ...]]] = {
    Kind.STRING: str,
    Kind.INTEGER: int,
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: bool,
    Kind.LIST: list,
    Kind.MAP: dict,
    Kind.OBJECT: dict,
}


def failures(schema: Schema, inputs: Mapping[str, Value]) -> list[CheckFailure]:
    """Everything in the inputs that the schema does not allow. No message repeats a value."""
    return list(_object_failures((), schema, reveal(dict(inputs))))


def with_defaults(schema: Schema, inputs: Mapping[str, Value]) -> Properties:
    """The inputs with the schema's defaults where the program gave nothing, at every depth."""
    filled = {name: value for name, value in inputs.items() if value is not None}
    for name, prop in schema.items():
        if name not in filled and prop.default is not None:
            filled[name] = prop.default
        elif name in filled:
            filled[name] = carry_secrets(filled[name], _filled(prop, reveal(filled[name])))
    return filled


def force_new_paths(schema: Schema) -> frozenset[str]:
    """The properties whose change needs a replacement, as dotted paths without indices."""
    return frozenset(_force_new_paths((), schema))


def with_secrets(schema: Schema, outputs: Mapping[str, Value]) -> Properties:
    """The outputs, secret where the schema says so."""
    return {
        name: secret(value) if name in schema and schema[name].secret and value is not None else value
        for name, value in outputs.items()
    }


def planned(schema: Schema, inputs: Mapping[str, Value]) -> Properties:
    """The outputs as far as a preview knows them: inputs, defaults, and UNKNOWN for the provider's part."""
    outputs: Properties = {name: UNKNOWN for name, prop in schema.items() if prop.use in (Use.FILLED, Use.OUTPUT)}
    return with_secrets(schema, outputs | kept(schema, with_defaults(schema, inputs)))


def kept(schema: Schema, inputs: Mapping[str, Value]) -> Properties:
    """The inputs without what is write-only."""
    return {name: value for name, value in inputs.items() if name not in schema or schema[name].storage is Storage.KEPT}


class SchemaResource(ResourceType):
    """A resource type whose inputs are checked and compared by its schema."""

    schema: ClassVar[Schema]
    delete_before_replace: ClassVar[bool] = False

    def check(self, request: CheckRequest) -> CheckResult:
        """Validate by the schema, then by `rules`. Defaults stay out of the inputs, as with the originals."""
        found = failures(self.schema, request.inputs)
        if not found:
            found = list(self.rules(self.effective(reveal(request.inputs))))
        return CheckResult(inputs=request.inputs, failures=found)

    def diff(self, request: DiffRequest) -> Diff:
        """Compare old and new inputs, defaults included.

        What the provider filled in stays as it is when the program stops giving it; what is write-only is
        no part of the comparison.
        """
        old = kept(self.schema, self.effective(request.old_inputs))
        new = kept(self.schema, self.effective(request.inputs))
        left = {name for name, prop in self.schema.items() if prop.use is Use.FILLED and name not in new}
        return Diff(
            properties=compare(
                {name: value for name, value in old.items() if name not in left},
                new,
                force_new=force_new_paths(self.schema),
            ),
            delete_before_replace=self.delete_before_replace,
        )

    def effective(self, inputs: Mapping[str, Value]) -> Properties:
        """The inputs as they take effect: with defaults."""
        return with_defaults(self.schema, inputs)

    @abstractmethod
    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """What is wrong with inputs that fit the schema. They are revealed and may hold UNKNOWN."""


def _filled(prop: Property, value: Value) -> Value:
    match value:
        case dict() if prop.kind is Kind.OBJECT:
            return with_defaults(prop.fields, value)
        case list() if prop.items is not None:
            return [_filled(prop.items, item) for item in value]
        case _:
            return value


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
    elif prop.kind is Kind.LIST and prop.items is not None:
        for index, item in enumerate(value):
            yield from _value_failures((*path, index), prop.items, item)
    elif prop.kind is Kind.MAP:
        for key, item in value.items():
            yield from _value_failures((*path, key), Property(kind=Kind.STRING), item)


def _fits(kind: Kind, value: Value) -> bool:
    # A bool is an int to Python, but not to a schema.
    return isinstance(value, _PYTHON_TYPES[kind]) and (kind is Kind.BOOLEAN or not isinstance(value, bool))
