"""What a schema does to values: defaults, secrets, plans, and inputs read back from live outputs.

Every function takes and returns plain property bags, at any depth, and leaves its arguments as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.plugins.framework.schema import Kind, Property, Schema, Storage, Use
from sandbox.plugins.framework.values import UNKNOWN, Properties, Secret, Value, has_unknown, reveal, secret

if TYPE_CHECKING:
    from collections.abc import Callable


def with_defaults(schema: Schema, inputs: Mapping[str, Value]) -> Properties:
    """The inputs with the schema's defaults where the program gave nothing."""
    filled = {name: value for name, value in inputs.items() if value is not None}
    for name, prop in schema.items():
        if name in filled:
            filled[name] = _within(prop, filled[name], with_defaults)
        elif prop.default is not None:
            filled[name] = prop.default
    return filled


def with_secrets(schema: Schema, outputs: Mapping[str, Value]) -> Properties:
    """The outputs, secret where the schema says so."""
    return {
        name: secret(value) if name in schema and schema[name].secret and value is not None else value
        for name, value in outputs.items()
    }


def kept(schema: Schema, inputs: Mapping[str, Value]) -> Properties:
    """The inputs without what is write-only."""
    return {name: value for name, value in inputs.items() if name not in schema or schema[name].storage is Storage.KEPT}


def planned(schema: Schema, inputs: Mapping[str, Value]) -> Properties:
    """The outputs as far as a preview knows them: inputs, defaults, and UNKNOWN for the provider's part."""
    return with_secrets(schema, _planned(schema, kept(schema, with_defaults(schema, inputs))))


def comparable(schema: Schema, inputs: Mapping[str, Value]) -> Properties:
    """The inputs with every set in one order, so that only its members count."""
    return {
        name: _ordered(schema[name], _within(schema[name], value, comparable)) if name in schema else value
        for name, value in inputs.items()
    }


def keeping_filled(schema: Schema, old: Mapping[str, Value], new: Mapping[str, Value]) -> Properties:
    """The new inputs, with the old ones for what the provider fills in and the program no longer gives.

    That is what "optional and computed" means to the official providers: to stop giving a value is not to
    change it.
    """
    result = dict(new)
    for name, prop in schema.items():
        if name not in old:
            continue
        if name in new:
            result[name] = _keeping_filled(prop, reveal(old[name]), new[name])
        elif prop.use is Use.FILLED:
            result[name] = old[name]
    return result


def live_inputs(schema: Schema, known: Mapping[str, Value], outputs: Mapping[str, Value]) -> Properties:
    """The inputs as they are live: those that the program gave, with the values of the outputs.

    With nothing known, as in an import, everything that a program could give and that is not empty.
    """
    found: Properties = {}
    for name, prop in schema.items():
        value = reveal(outputs.get(name))
        wanted = name in known if known else bool(value)
        if wanted and prop.settable and value is not None:
            given = known.get(name)
            live = _live(prop, reveal(given), value)
            found[name] = secret(live) if isinstance(given, Secret) else live
    return found


def _within(prop: Property, value: Value, shape: Callable[[Schema, Mapping[str, Value]], Properties]) -> Value:
    """The value with `shape` applied to the objects in it."""
    match value:
        case Secret():
            return secret(_within(prop, value.value, shape))
        case Mapping() if prop.kind is Kind.OBJECT:
            return shape(prop.fields, value)
        case list() if prop.items is not None:
            return [_within(prop.items, item, shape) for item in value]
        case _:
            return value


def _planned(schema: Schema, inputs: Mapping[str, Value]) -> Properties:
    unknown = {name: UNKNOWN for name, prop in schema.items() if prop.use in (Use.FILLED, Use.OUTPUT)}
    given = {
        name: _within(schema[name], value, _planned) if name in schema else value for name, value in inputs.items()
    }
    return unknown | given


def _ordered(prop: Property, value: Value) -> Value:
    if prop.kind is not Kind.SET or not isinstance(value, list) or has_unknown(value):
        return value
    return sorted(value, key=lambda item: json.dumps(reveal(item), sort_keys=True))


def _keeping_filled(prop: Property, old: Value, new: Value) -> Value:
    match old, new:
        case dict(), dict() if prop.kind is Kind.OBJECT:
            return keeping_filled(prop.fields, old, new)
        case list(), list() if prop.kind is Kind.LIST and prop.items is not None:
            padded = [*old, *[None] * max(0, len(new) - len(old))]
            return [_keeping_filled(prop.items, padded[index], item) for index, item in enumerate(new)]
        case _:
            return new


def _live(prop: Property, known: Value, value: Value) -> Value:
    match value:
        case dict() if prop.kind is Kind.OBJECT:
            return live_inputs(prop.fields, known or {}, value)
        case list() if prop.kind is Kind.SET:
            # The program's order stays if the members do.
            return known if known is not None and _ordered(prop, known) == _ordered(prop, value) else value
        case list() if prop.items is not None:
            padded = [*(known or []), *[None] * max(0, len(value) - len(known or []))]
            return [_live(prop.items, padded[index], item) for index, item in enumerate(value)]
        case _:
            return value
