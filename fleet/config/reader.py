"""Reads the stack config; the only reader of pulumi.Config.

Every error is found before anything is registered, and all of them are reported at once, each with the key, the
offending value and what to do.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from fleet.config import complaints, retired, secrets
from fleet.config.decoding import PROJECT, decoded, of_project
from fleet.config.rules import violations
from fleet.config.settings import FleetConfig
from fleet.config.violations import Violation

Path = tuple[str | int, ...]


class ConfigError(pulumi.RunError):
    """Stack config that cannot be built; its message is a report of every error, one a line."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = tuple(errors)
        count = "1 error" if len(self.errors) == 1 else f"{len(self.errors)} errors"
        lines = "\n".join(f"  - {error}" for error in self.errors)
        super().__init__(f"{count} in the stack's config; nothing was changed:\n{lines}")


def refuse(errors: Iterable[str]) -> None:
    """Stop before anything is registered, if there are errors.

    Raises:
        ConfigError: with all of them.
    """
    if found := tuple(errors):
        raise ConfigError(found)


def load() -> FleetConfig:
    """Read and check the config of the current stack.

    Raises:
        ConfigError: with every error that was found.
    """
    runtime = pulumi.runtime.config
    settings = {**runtime.get_config_env(), **runtime.CONFIG.get()}
    encrypted = {*runtime.get_config_secret_keys_env(), *filter(runtime.is_config_secret, settings)}
    return parse(
        {
            section: _veiled(section, value) if f"{PROJECT}:{section}" in encrypted else decoded(value)
            for section, value in of_project(settings).items()
        }
    )


def _veiled(section: str, value: str) -> Any:
    """A section that holds something encrypted, with all that may be that hidden from every message."""
    content = decoded(value) if section == secrets.SECTION else None
    if not isinstance(content, dict):
        return SecretStr(value)
    return {name: SecretStr(text) if isinstance(text, str) else text for name, text in content.items()}


def parse(raw: Mapping[str, Any]) -> FleetConfig:
    """Check config that is plain data.

    Raises:
        ConfigError: with every error that was found, inside sections and between them.
    """
    try:
        config = FleetConfig.model_validate(raw)
    except ValidationError as error:
        details = complaints.without_consequences(error.errors())
        raise ConfigError([_describe(detail) for detail in details] + _between_sections(raw, details)) from None
    refuse(str(violation) for violation in violations(config))
    return config


def _between_sections(raw: Mapping[str, Any], details: list[ErrorDetails]) -> list[str]:
    """The violations between sections of what is sound, so that one report names them too."""
    sound = copy.deepcopy(dict(raw))
    removed: set[Path] = set()
    while details:
        for detail in details:
            path = tuple(part for part in detail["loc"] if part != "[key]")
            removed.add(path if detail["type"] != "missing" else path[:-1])
        if () in removed:
            return []
        for path in removed:
            _remove(sound, path)
        try:
            config = FleetConfig.model_validate(sound)
        except ValidationError as error:
            details = complaints.without_consequences(error.errors())
            continue
        return [str(violation) for violation in violations(config) if not _doubtful(violation, removed)]
    return []


def _doubtful(violation: Violation, removed: set[Path]) -> bool:
    """Whether a violation may only follow from an error that is reported already."""
    if violation.about_all_clusters and any(path[0] == "clusters" for path in removed):
        return True
    if any(path[: len(base)] == base[: len(path)] for path in removed for base in violation.rests_on):
        return True
    entry = violation.path[:2]
    return any(path in (violation.path, entry, (*entry, "role")) for path in removed)


def _remove(tree: Any, path: Path) -> None:
    """Delete the value at a path, or the innermost one above it that is still there."""
    for key in path[:-1]:
        below = tree.get(key) if isinstance(tree, dict) else None
        if not isinstance(below, dict):
            if isinstance(tree, dict):
                tree.pop(key, None)
            return
        tree = below
    if isinstance(tree, dict):
        tree.pop(path[-1], None)


def _describe(detail: ErrorDetails) -> str:
    key = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    # What follows shows no value, since it may be a secret whatever is wrong with it.
    if detail["loc"][:1] == (secrets.SECTION,):
        return f"{key}: {secrets.complaint(detail)}"
    if isinstance(detail["input"], SecretStr):
        return f"{key}: {secrets.MISPLACED}"
    match detail["type"]:
        case "extra_forbidden":
            if successor := retired.successor(key):
                return f"{key}: is no key any more; {successor}"
            if why := retired.ruled_out(key):
                return f"{key}: {why}"
            return f"{key}: {complaints.of_unknown_key(detail)}; Pulumi.yaml describes those that there are"
        case "missing":
            return f"{key}: missing; add it to Pulumi.<stack>.yaml"
    return f"{key}: {complaints.complaint(detail)}"
