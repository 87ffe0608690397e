"""X-Filter: choosing and ordering the entries of a list.

The header holds a JSON object; its keys are fields of the entries (dotted for nested ones), `+and` and `+or` join
conditions, `+order_by` and `+order` sort (https://techdocs.akamai.com/linode-api/reference/filtering-and-sorting).
Only the fields that the specification marks `x-linode-filterable` may be named. The reasons of refusals are those of
the live API where one is known: "Filter not valid JSON", "Cannot filter on NAME", "Could not apply filter".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from sandbox.linode.errors import ApiError, invalid

Entry = Mapping[str, Any]
Condition = Callable[[Entry], bool]

_FIELD = "X-Filter"
_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "+gt": operator.gt,
    "+gte": operator.ge,
    "+lt": operator.lt,
    "+lte": operator.le,
}
_DIRECTIONS = {"asc": False, "desc": True}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A parsed X-Filter: which entries stay, and in what order."""

    keep: Condition
    order_by: str | None = None
    descending: bool = False

    def apply(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries that match, in the order asked for.

        Raises ApiError if a value cannot be compared with what the entries hold.
        """
        try:
            kept = [entry for entry in entries if self.keep(entry)]
        except TypeError as error:
            raise _refuse("Could not apply filter") from error
        if self.order_by is not None:
            field = self.order_by
            kept.sort(key=lambda entry: _sort_key(_lookup(entry, field)), reverse=self.descending)
        return kept


def parse_filter(text: str | None, *, filterable: frozenset[str]) -> Filter:
    """The filter that a request's X-Filter header holds; no header keeps everything.

    Args:
        text: the header's value.
        filterable: the fields of this list's entries that may be named.

    Raises:
        ApiError: 400, with what is wrong with the filter.

    """
    if text is None:
        return Filter(keep=lambda _: True)
    try:
        # Header values arrive as Latin-1; JSON is UTF-8.
        document = from_json(text.encode("latin-1"), allow_inf_nan=False)
    except ValueError as error:
        raise _refuse("Filter not valid JSON") from error
    if not isinstance(document, dict):
        raise _refuse("Filter must be a JSON object")
    conditions = {key: value for key, value in document.items() if key not in ("+order", "+order_by")}
    return Filter(
        keep=_object(conditions, filterable),
        order_by=_order_by(document.get("+order_by"), filterable),
        descending=_descending(document.get("+order", "asc")),
    )


def _object(conditions: Mapping[str, Any], filterable: frozenset[str]) -> Condition:
    """All of an object's conditions together."""
    parts = [_condition(key, value, filterable) for key, value in conditions.items()]
    return lambda entry: all(part(entry) for part in parts)


def _condition(key: str, value: Any, filterable: frozenset[str]) -> Condition:
    if key in ("+and", "+or"):
        if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
            raise _refuse(f"{key} must be a list of objects")
        parts = [_object(part, filterable) for part in value]
        join = all if key == "+and" else any
        return lambda entry: join(part(entry) for part in parts)
    if key not in filterable:
        raise _refuse(f"Cannot filter on {key}")
    tests = [_test(name, operand) for name, operand in _operators(value)]
    return lambda entry: all(test(_lookup(entry, key)) for test in tests)


def _operators(value: Any) -> list[tuple[str, Any]]:
    """The operators of one field; a bare value means equality."""
    if isinstance(value, dict):
        return list(value.items())
    return [("+eq", value)]


def _test(name: str, operand: Any) -> Callable[[Any], bool]:
    if isinstance(operand, list | dict):
        raise _refuse("Could not apply filter")
    if name == "+eq":
        return lambda actual: _equal(actual, operand)
    if name == "+neq":
        return lambda actual: not _equal(actual, operand)
    if name == "+contains":
        if not isinstance(operand, str):
            raise _refuse("+contains needs a string")
        return lambda actual: _contains(actual, operand)
    if name in _ORDERINGS:
        compare = _ORDERINGS[name]
        return lambda actual: actual is not None and compare(actual, operand)
    raise _refuse(f"Unknown operator {name}")


def _equal(actual: Any, operand: Any) -> bool:
    """Equality; a list such as tags equals each of its members."""
    return operand in actual if isinstance(actual, list) else bool(actual == operand)


def _contains(actual: Any, operand: str) -> bool:
    if isinstance(actual, list):
        return any(operand in str(member) for member in actual)
    return actual is not None and operand in str(actual)


def _lookup(entry: Entry, field: str) -> Any:
    """The value of a dotted field; None where a parent is null."""
    value: Any = entry
    for name in field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _sort_key(value: Any) -> tuple[int, float, str]:
    """Nulls first, then numbers, then text: any two values can be ordered."""
    if value is None:
        return (0, 0, "")
    if isinstance(value, int | float):
        return (1, value, "")
    return (2, 0, str(value))


def _order_by(field: Any, filterable: frozenset[str]) -> str | None:
    if field is None:
        return None
    if not isinstance(field, str) or field not in filterable:
        raise _refuse(f"Cannot order by {field}")
    return field


def _descending(order: Any) -> bool:
    if not isinstance(order, str) or order not in _DIRECTIONS:
        raise _refuse("+order must be asc or desc")
    return _DIRECTIONS[order]


def _refuse(reason: str) -> ApiError:
    return invalid(reason, field=_FIELD)
