"""The filters of the look-up functions: what the API can do is left to it, the rest is done here.

The rules are terraform-provider-linode's (linode/helper/filter.go): a value matches a list if it matches one
of its elements; several values are alternatives; several filters have to match all.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.plugins.framework import Properties
    from sandbox.plugins.linode.api import Json


class Where(enum.Enum):
    """Who can filter by a field."""

    API = "api"
    HERE = "here"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field to filter by: who can do it, and how its values are written."""

    where: Where
    parse: Callable[[str], Any] = str


_MATCHES: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "exact": lambda actual, wanted: actual == wanted,
    "substring": lambda actual, wanted: wanted in actual,
    "sub": lambda actual, wanted: wanted in actual,
    "regex": lambda actual, wanted: re.search(wanted, actual) is not None,
    "re": lambda actual, wanted: re.search(wanted, actual) is not None,
}


class Filters:
    """The filters of one call."""

    def __init__(self, arguments: Properties, fields: Mapping[str, Field]) -> None:
        """`fields` are those that the function knows. Raises ProviderError for any other, and for a bad value."""
        self._filters = arguments.get("filters") or []
        self._order_by, self._order = arguments.get("orderBy"), arguments.get("order") or "asc"
        self._fields = fields
        for one in self._filters:
            self._check(one)

    def for_api(self) -> Json | None:
        """The X-Filter header's content: exact comparisons of fields that the API can filter by."""
        parts = [
            {"+or": [{one["name"]: self._fields[one["name"]].parse(value)} for value in one["values"]]}
            for one in self._filters
            if self._fields[one["name"]].where is Where.API and one.get("matchBy", "exact") == "exact"
        ]
        found: Json = {"+and": parts} if parts else {}
        if self._order_by:
            found |= {"+order_by": self._order_by, "+order": self._order}
        return found or None

    def select(self, records: Iterable[Json]) -> list[Json]:
        """The records that match every filter."""
        return [record for record in records if all(_matches(record, one) for one in self._filters)]

    def _check(self, one: Properties) -> None:
        if one["name"] not in self._fields:
            known = ", ".join(sorted(self._fields))
            raise ProviderError(f"filters: {one['name']!r} cannot be filtered by; choose one of {known}")
        if one.get("matchBy", "exact") not in _MATCHES:
            raise ProviderError(
                f"filters: matchBy {one['matchBy']!r} is not known; choose one of {', '.join(_MATCHES)}"
            )
        for value in one["values"]:
            try:
                self._fields[one["name"]].parse(value)
                if one.get("matchBy") in ("re", "regex"):
                    re.compile(value)
            except (ValueError, re.error) as error:
                raise ProviderError(f"filters: {value!r} is no value of {one['name']} ({error})") from error


def _matches(record: Json, one: Properties) -> bool:
    actual = record.get(one["name"])
    candidates = [_text(item) for item in (actual if isinstance(actual, list) else [actual])]
    matches = _MATCHES[one.get("matchBy", "exact")]
    return any(matches(candidate, value) for candidate in candidates for value in one["values"])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
