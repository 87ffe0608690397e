"""What the official SDK packages say about their types, read from the installed classes."""

from __future__ import annotations

import ast
import inspect
import typing
from collections import abc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import _types as sdk_types

from sandbox.plugins.framework.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sandbox.plugins.framework.schema import Property

_SCALARS = {str: Kind.STRING, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The type of a property, without what only a provider knows. Sets count as lists, as in Python."""

    kind: Kind
    items: Shape | None = None
    fields: Mapping[str, Shape] = field(default_factory=dict)


def inputs(arguments: type, *, without: Collection[str] = ()) -> dict[str, Shape]:
    """The properties that a class of arguments takes, by their names on the wire; `without` those of no fixed form."""
    return {name: _shape(hint) for name, hint in hints(arguments).items() if name not in without}


def outputs(resource: type) -> dict[str, Shape]:
    """The properties that a resource or result class has, by their names on the wire."""
    return {name: _shape(hint) for name, hint in hints(resource).items()}


def required(arguments: type) -> set[str]:
    """The properties that a class of arguments cannot do without, by their names on the wire."""
    parameters = inspect.signature(arguments.__init__).parameters  # type: ignore[misc] # reads the signature only
    names = {python: wire for python, wire, _ in sdk_types._py_properties(arguments)}
    return {names[name] for name, one in parameters.items() if name in names and one.default is inspect.Parameter.empty}


def secrets(resource: type) -> set[str]:
    """The outputs that a resource's constructor declares secret."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(resource) or resource))):
        if isinstance(node, ast.keyword) and node.arg == "additional_secret_outputs":
            found |= set(ast.literal_eval(node.value))
    return found


def shape(prop: Property) -> Shape:
    """The shape of a property of ours."""
    return Shape(
        kind=Kind.LIST if prop.kind is Kind.SET else prop.kind,
        items=None if prop.items is None else shape(prop.items),
        fields={name: shape(one) for name, one in prop.fields.items()},
    )


def hints(cls: type) -> dict[str, Any]:
    """The type hints of a class's properties, by their names on the wire."""
    # `pulumi.Input` is an alias that names what only its own module knows.
    return {
        wire: typing.get_type_hints(prop.fget, localns=vars(pulumi.output))["return"]
        for _, wire, prop in sdk_types._py_properties(cls)
        if prop.fget
    }


def element(hint: Any) -> Any:
    """What a property's type is made of: the elements of a list, else the type itself."""
    bare = sdk_types.unwrap_type(hint)
    is_list = typing.get_origin(bare) in (abc.Sequence, list)
    return sdk_types.unwrap_type(typing.get_args(bare)[0]) if is_list else bare


def _shape(hint: Any) -> Shape:
    bare = sdk_types.unwrap_type(hint)
    if bare in _SCALARS:
        return Shape(kind=_SCALARS[bare])
    origin = typing.get_origin(bare)
    if origin in (abc.Sequence, list):
        return Shape(kind=Kind.LIST, items=_shape(typing.get_args(bare)[0]))
    if origin in (abc.Mapping, dict):
        return Shape(kind=Kind.MAP)
    return Shape(kind=Kind.OBJECT, fields={name: _shape(one) for name, one in hints(bare).items()})
