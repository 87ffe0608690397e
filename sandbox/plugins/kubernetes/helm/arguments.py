"""From a release's inputs to the arguments of helm. None of them is secret: values go by file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.kubernetes.helm.schema import DEFAULT_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COMMON: Final[Mapping[str, str]] = {
    "atomic": "--atomic",
    "dependencyUpdate": "--dependency-update",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "renderSubchartNotes": "--render-subchart-notes",
    "skipCrds": "--skip-crds",
    "takeOwnership": "--take-ownership",
}
_INSTALL: Final[Mapping[str, str]] = {
    "createNamespace": "--create-namespace",
    "disableWebhooks": "--no-hooks",
    "replace": "--replace",
}
_UPGRADE: Final[Mapping[str, str]] = {
    "cleanupOnFail": "--cleanup-on-fail",
    "forceUpdate": "--force",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
}


def install(inputs: Mapping[str, Any], chart: str) -> list[str]:
    """`helm install` without where and with which values."""
    return ["install", inputs["name"], chart, *_flags(inputs, _INSTALL), *_shared(inputs)]


def upgrade(inputs: Mapping[str, Any], chart: str) -> list[str]:
    """`helm upgrade` without where and with which values."""
    history = ["--history-max", str(inputs.get("maxHistory") or 0)]
    # The official provider turns all hooks of an upgrade off for disableCRDHooks, too.
    no_hooks = ["--no-hooks"] if inputs.get("disableWebhooks") or inputs.get("disableCRDHooks") else []
    return ["upgrade", inputs["name"], chart, *_flags(inputs, _UPGRADE), *history, *no_hooks, *_shared(inputs)]


def uninstall(inputs: Mapping[str, Any]) -> list[str]:
    """`helm uninstall` of a release that may be gone already."""
    wait = ["--wait"] if _waits(inputs) or inputs.get("atomic") else []
    return ["uninstall", inputs["name"], "--ignore-not-found", *wait, *_timeout(inputs)]


def _shared(inputs: Mapping[str, Any]) -> Iterable[str]:
    # What helm prints when it is done is then all that is recorded, and nobody has to ask it again.
    yield from ("--output", "json")
    yield from _flags(inputs, _COMMON)
    if _waits(inputs):
        yield "--wait"
        if inputs.get("waitForJobs"):
            yield "--wait-for-jobs"
    yield from _timeout(inputs)
    for key, flag in (("description", "--description"), ("postrender", "--post-renderer")):
        if inputs.get(key):
            yield from (flag, inputs[key])


def _flags(inputs: Mapping[str, Any], table: Mapping[str, str]) -> list[str]:
    return [flag for key, flag in table.items() if inputs.get(key)]


def _waits(inputs: Mapping[str, Any]) -> bool:
    return not inputs.get("skipAwait")


def _timeout(inputs: Mapping[str, Any]) -> list[str]:
    return ["--timeout", f"{inputs.get('timeout') or DEFAULT_TIMEOUT_SECONDS}s"]
