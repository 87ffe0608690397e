"""Whether a config that is refused is refused helpfully: each key that went has a successor that there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from fleet.config.settings import FleetConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REPORT: Final = "in the stack's config; nothing was changed:"
"""How the program begins its report of what it refuses (fleet/config/reader.py)."""
_ENTRY: Final = re.compile(r"\s*- (?P<key>[\w.*-]+): (?P<why>.+)")
_KEY: Final = re.compile(r"(?:fleet:|`)?([A-Za-z][\w-]*(?:\.[\w-]+)*)")


def refused(said: str) -> list[tuple[str, str]]:
    """The keys that a report refuses, each with what it says of it; none where there is no report."""
    # The engine shows an error while it happens, and whole at its end.
    _, there, report = said.rpartition(REPORT)
    found = []
    for line in report.splitlines()[1:] if there else ():
        entry = _ENTRY.fullmatch(line)
        if entry is None:
            break
        found.append((entry["key"], entry["why"]))
    return found


def without_successor(entries: Iterable[tuple[str, str]]) -> list[str]:
    """The keys that today's config does not have, and whose refusal names none that it has."""
    return [f"{key}: {why}" for key, why in entries if not is_key(key) and not any(map(is_key, _named(why)))]


def _named(why: str) -> Iterator[str]:
    """What may be a key in a sentence: dotted, or a whole section that is marked as one."""
    for match in _KEY.finditer(why):
        if "." in match[1] or match[0] != match[1]:
            yield match[1]


def is_key(path: str) -> bool:
    """Whether today's config has a key, such as `clusters.us.drained`; names within a table may be any."""
    schema = FleetConfig.model_json_schema()
    return _leads(path.split("."), schema, schema["$defs"])


def _leads(path: list[str], schema: Any, definitions: dict[str, Any]) -> bool:
    if isinstance(schema, bool):
        return schema
    if not path:
        return True
    if "$ref" in schema:
        return _leads(path, definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if any(_leads(path, option, definitions) for option in schema.get("anyOf", ())):
        return True
    first, *rest = path
    if first in schema.get("properties", {}):
        return _leads(rest, schema["properties"][first], definitions)
    if first.isdecimal() and "items" in schema:
        return _leads(rest, schema["items"], definitions)
    return _leads(rest, schema.get("additionalProperties", False), definitions)
