"""The recorded form of a release: its inputs, and what Helm adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.plugins.framework import UNKNOWN, CheckFailure, Properties, reveal
from sandbox.plugins.framework.schema import failures
from sandbox.plugins.kubernetes.checkpoint import refreshed_inputs
from sandbox.plugins.kubernetes.helm.schema import (
    DEFAULT_TIMEOUT_SECONDS,
    FREE_FORM,
    INPUTS,
    OUTPUTS,
    UNSUPPORTED,
    WITHOUT_EFFECT,
)
from sandbox.plugins.kubernetes.helm.values import annotated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.plugins.kubernetes.helm.release import StoredRelease


def input_failures(inputs: Properties) -> Iterator[CheckFailure]:
    """What of a release's inputs cannot be accepted."""
    for key, reason in UNSUPPORTED.items():
        if inputs.get(key):
            yield CheckFailure(path=key, reason=reason)
    passed = FREE_FORM | WITHOUT_EFFECT | UNSUPPORTED.keys()
    yield from failures(INPUTS, {key: value for key, value in inputs.items() if key not in passed})
    values = reveal(inputs.get("values"))
    if values is not None and values is not UNKNOWN and not isinstance(values, dict):
        yield CheckFailure(path="values", reason="this has to be an object")


def identity(plain: Properties) -> str:
    """The release's id: `namespace/name`."""
    return f"{plain['namespace']}/{plain['name']}"


def planned(inputs: Properties) -> Properties:
    """The outputs as far as a preview knows them."""
    return {**inputs, **dict.fromkeys(OUTPUTS, UNKNOWN)}


def recorded(inputs: Properties, stored: StoredRelease) -> Properties:
    """The outputs of a release. Its values are what Helm has, secret where the inputs are."""
    values = annotated(stored.values, inputs.get("values"))
    outputs = {**inputs, "values": values, "version": stored.version}
    return {**outputs, "status": stored.status_output(), "resourceNames": stored.resource_names()}


def refreshed(inputs: Properties, outputs: Properties, stored: StoredRelease) -> Properties:
    """The inputs with what drifted since it was recorded: the chart's version, and values."""
    result = dict(inputs)
    if stored.version != outputs.get("version"):
        result["version"] = stored.version
    before = reveal(outputs.get("values")) or {}
    if stored.values != before:
        values = _with_additions(reveal(inputs.get("values")) or {}, before, stored.values)
        result["values"] = annotated(values, inputs.get("values"))
    return result


def adopted(stored: StoredRelease) -> Properties:
    """The inputs that a program would give to have this release."""
    return {
        "chart": stored.chart,
        "name": stored.name,
        "namespace": stored.namespace,
        "timeout": DEFAULT_TIMEOUT_SECONDS,
        "values": stored.values,
        "version": stored.version,
    }


def _with_additions(inputs: dict[str, Any], before: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """The values with what drifted, values that the program does not give included."""
    added = {key: value for key, value in live.items() if key not in inputs and before.get(key) != value}
    return {**refreshed_inputs(inputs, before, live), **added}
