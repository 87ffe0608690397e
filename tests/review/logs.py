"""Event logs for tests, as the engine writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plan.events import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from plan.events import Plan

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
"""What the engine writes in the place of a secret."""
SUM = {"maybeCorrupt": False, "durationSeconds": 1, "resourceChanges": {}, "PolicyPacks": {}, "isPreview": True}


def end(result: str = "succeeded") -> list[dict[str, Any]]:
    """How the engine ends every log."""
    return [{"summaryEvent": {**SUM, "result": result}}, {"cancelEvent": {}}]


def written(file: Path, *events: dict[str, Any], ending: Sequence[dict[str, Any]]) -> Path:
    """A log of these events, and how it ends."""
    lines = [*events, *ending]
    file.write_text("".join(json.dumps({"sequence": 0, "timestamp": 0, **event}) + "\n" for event in lines))
    return file


def plan_of(folder: Path, *events: dict[str, Any]) -> Plan:
    """What is read from a log of these events."""
    return read(written(folder / "events.json", *events, ending=end()))


def config(**settings: Any) -> dict[str, Any]:
    """The stack's config at the head of the log."""
    return {"preludeEvent": {"config": {f"fleet:{key}": json.dumps(value) for key, value in settings.items()}}}


def finding(
    level: str, message: str, *, policy: str = "node-loss", urn: str = "urn:pulumi:dev::fleet::t::us"
) -> dict[str, Any]:
    """What a guardrail said."""
    pack = {"policyPackName": "fleet", "policyPackVersion": "1.0.0", "policyPackVersionTag": "1.0.0"}
    said = {"resourceUrn": urn, "message": message, "policyName": policy, "enforcementLevel": level, "color": "raw"}
    return {"policyEvent": {**pack, **said}}


def error(message: str) -> dict[str, Any]:
    """An error that the engine showed."""
    return {"diagnosticEvent": {"message": message, "severity": "error", "color": "raw"}}


def warning(message: str, urn: str = "") -> dict[str, Any]:
    """A warning that the engine showed; without a URN it is the program's."""
    return {"diagnosticEvent": {"message": message, "severity": "warning", "color": "raw", "urn": urn}}


def step(op: str, kind: str, name: str, *, old: Any = None, new: Any = None, **more: Any) -> dict[str, Any]:
    """What is planned for one resource; `old` and `new` are its inputs."""
    urn = f"urn:pulumi:dev::fleet::fleet:index:Fleet${kind}::{name}"
    state = {"type": kind, "urn": urn, "custom": True, "id": "", "parent": "", "provider": ""}
    states = {
        key: None if inputs is None else {**state, "inputs": inputs, "outputs": inputs}
        for key, inputs in (("old", old), ("new", new))
    }
    metadata = {"op": op, "urn": urn, "type": kind, "provider": "", "detailedDiff": None, **states, **more}
    return {"resourcePreEvent": {"metadata": metadata, "planning": True}}


def changed(*paths: str) -> dict[str, Any]:
    """The detailed diff of an update of these properties."""
    return {"detailedDiff": {path: {"diffKind": "update", "inputDiff": False} for path in paths}}
