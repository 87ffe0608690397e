"""Reads the engine's event log: one JSON event a line, as `--event-log` writes it, with the Automation API's classes.

The engine hides every secret before it writes: properties become a marker with "[secret]" in it, config values are
blinded. Nothing here could show them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pulumi.automation import EngineEvent

from fleet.config.decoding import decoded
from plan.steps import Resource, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pulumi.automation import StepEventMetadata, StepEventStateMetadata

_COLORS: Final = re.compile(r"<\{%.*?%\}>")
"""The engine's markup for colours (sdk/go/common/diag/colors)."""


class EventLogError(Exception):
    """A file that is no event log, or one that was cut off; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a guardrail says of a resource, or of the stack."""

    policy: str
    level: str
    """advisory, mandatory, remediate, or disabled."""
    message: str
    urn: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that the engine reported of one preview."""

    stack: str
    steps: tuple[Step, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    """The stack's config; structured values are JSON text."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many resources by operation."""
    findings: tuple[Finding, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the program itself warns of."""
    failed: bool = False
    """Whether the engine says so itself, with or without an error to show."""
    packs: Mapping[str, str] = field(default_factory=dict)
    """The versions of the policy packs that ran, by name."""

    def setting(self, key: str) -> Any:
        """A structured value of the config, None where there is none."""
        return decoded(self.config[key]) if key in self.config else None


def read(file: Path) -> Plan:
    """The plan of a finished preview.

    Raises:
        EventLogError: the file cannot be read, is no event log, or stops before the engine summed up.

    """
    try:
        entries = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        events = [EngineEvent.from_json(entry) for entry in entries]
    except OSError as error:
        raise EventLogError(f"{file} cannot be read: {error.strerror}; did the preview start?") from error
    except ValueError as error:
        raise EventLogError(f"{file} is no event log of the engine: {error}; make it anew") from error
    # A preview that never got under way ends without a sum, and would look like one that changes nothing.
    if not any(event.summary_event for event in events):
        raise EventLogError(f"{file} stops before the engine summed up; see what the preview says, and run it again")
    # The Automation API's class leaves the result out.
    failed = any(entry.get("summaryEvent", {}).get("result", "succeeded") != "succeeded" for entry in entries)
    return plan_of(events, failed=failed)


def plan_of(events: Iterable[EngineEvent], *, failed: bool) -> Plan:
    """The plan of a preview by its events, as the Automation API tells them; `failed` is the engine's own word."""
    steps: list[Step] = []
    findings: list[Finding] = []
    errors: list[str] = []
    warnings: list[str] = []
    config: Mapping[str, str] = {}
    counts: Mapping[str, int] = {}
    packs: Mapping[str, str] = {}
    summed_up = False
    for event in events:
        if event.resource_pre_event:
            steps.append(_step(event.resource_pre_event.metadata))
        elif policy := event.policy_event:
            text = _plain(policy.message)
            urn = policy.resource_urn or ""
            findings.append(Finding(policy=policy.policy_name, level=policy.enforcement_level, message=text, urn=urn))
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            # A plugin that takes too long to end "exited prematurely", and the preview is as good (docs/plugins.md).
            if failed or not summed_up:
                errors.append(_plain(event.diagnostic_event.message))
        elif (told := event.diagnostic_event) and told.severity == "warning":
            # Without a resource it is the stack's: a provider warns of what is its own.
            if not told.urn or "::pulumi:pulumi:Stack::" in told.urn:
                warnings.append(_plain(told.message))
        elif event.prelude_event:
            config = event.prelude_event.config
        elif event.summary_event:
            summed_up = True
            counts = {str(op): count for op, count in event.summary_event.resource_changes.items()}
            packs = {_pack(name): version for name, version in (event.summary_event.policy_packs or {}).items()}
    return Plan(
        stack=_stack(steps),
        steps=tuple(steps),
        config=config,
        counts=counts,
        findings=tuple(findings),
        errors=tuple(errors),
        warnings=tuple(dict.fromkeys(warnings)),
        failed=failed,
        packs=packs,
    )


def _step(metadata: StepEventMetadata) -> Step:
    detailed = {path: difference.diff_kind.value for path, difference in (metadata.detailed_diff or {}).items()}
    return Step(
        op=metadata.op.value,
        urn=metadata.urn,
        type=metadata.type,
        old=_resource(metadata.old),
        new=_resource(metadata.new),
        keys=tuple(metadata.keys or ()),
        diff=detailed or dict.fromkeys(metadata.diffs or (), "update"),
    )


def _resource(state: StepEventStateMetadata | None) -> Resource | None:
    if state is None:
        return None
    return Resource(
        urn=state.urn,
        type=state.type,
        inputs=state.inputs or {},
        outputs=state.outputs or {},
        provider=state.provider,
        protect=bool(state.protect),
        custom=bool(state.custom),
    )


def _plain(message: str) -> str:
    return _COLORS.sub("", message).strip()


def _stack(steps: Iterable[Step]) -> str:
    """The stack's name, from a URN: `urn:pulumi:STACK::PROJECT::TYPES::NAME`."""
    return next((step.urn.split("::", 1)[0].rsplit(":", 1)[-1] for step in steps), "")


def _pack(name: str) -> str:
    """A pack by its own name: the engine writes one that lies in a folder as `NAME|local|FOLDER`."""
    return name.partition("|")[0]
