"""Makes a recording out of an event log of the real engine: what the report reads, and nothing else.

Left out are debug messages, results of steps, whatever stays as it is and costs nothing, outputs apart from the size of
pools, and long texts such as certificates. The engine has hidden every secret before.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from plan.steps import LKE_CLUSTER, RELEASE, SERVICE, UNCHANGED, VOLUME, VOLUME_CLAIM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WHOLE: Final = ("preludeEvent", "summaryEvent", "policyEvent", "cancelEvent")
_BILLED: Final = frozenset({LKE_CLUSTER, RELEASE, SERVICE, VOLUME, VOLUME_CLAIM})
_STEP: Final = ("op", "urn", "type", "keys", "diffs", "detailedDiff", "provider")
_STATE: Final = ("type", "urn", "custom", "id", "parent", "protect", "provider", "inputs")
_POOL: Final = ("label", "type", "count")
_LONGEST: Final = 120


def trimmed(lines: Iterable[str]) -> Iterator[str]:
    """The lines of the recording."""
    for number, line in enumerate(kept for kept in map(_event, map(json.loads, lines)) if kept):
        yield json.dumps({"sequence": number, "timestamp": 0, **line}, separators=(",", ":"), ensure_ascii=False)


def _event(event: dict[str, Any]) -> dict[str, Any] | None:
    kind = next(key for key in event if key not in ("sequence", "timestamp"))
    content = event[kind]
    if kind in _WHOLE or (kind == "diagnosticEvent" and content["severity"] == "error"):
        return {kind: content}
    if kind != "resourcePreEvent":
        return None
    step = content["metadata"]
    if step["op"] in UNCHANGED and step["type"] not in _BILLED:
        return None
    states = {name: _state(step[name]) for name in ("old", "new")}
    return {kind: {"metadata": {key: step[key] for key in _STEP if step.get(key)} | states}}


def _state(state: dict[str, Any] | None) -> dict[str, Any] | None:
    if state is None:
        return None
    kept = {key: _short(state[key]) for key in _STATE if state.get(key)}
    if state["type"] == LKE_CLUSTER and state.get("outputs"):
        pools = state["outputs"].get("pools")
        kept["outputs"] = {"pools": [{key: pool.get(key) for key in _POOL} for pool in pools]} if pools else {}
    return kept


def _short(value: Any) -> Any:
    """The value, with long texts cut."""
    if isinstance(value, dict):
        return {key: _short(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_short(below) for below in value]
    if isinstance(value, str) and len(value) > _LONGEST and not value.startswith("urn:"):
        return f"{value[:20]}… ({len(value)} characters)"
    return value
