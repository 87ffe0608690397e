"""A Pulumi project as it lies in a checkout. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.engine import documents
from sandbox.errors import SandboxError

CHECKOUT: Final = Path(__file__).resolve().parents[2]


class ProjectError(SandboxError):
    """The folder is no Pulumi project, or has no such stack."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder with a Pulumi.yaml."""

    folder: Path = CHECKOUT

    @property
    def settings(self) -> dict[str, Any]:
        """What Pulumi.yaml says, every scalar as text. Raises ProjectError."""
        return _load(_read(self.folder / "Pulumi.yaml"), self.folder / "Pulumi.yaml")

    @property
    def name(self) -> str:
        """The project's name, under which its stacks are kept. Raises ProjectError."""
        return str(self.settings["name"])

    @property
    def stacks(self) -> tuple[str, ...]:
        """The stacks that have a config file."""
        return tuple(sorted(file.name.split(".")[1] for file in self.folder.glob("Pulumi.*.yaml")))

    @property
    def policy_packs(self) -> tuple[Path, ...]:
        """The folders of the policy packs that come with the project, each with a PulumiPolicy.yaml."""
        return tuple(sorted(file.parent for file in self.folder.glob("policies/*/PulumiPolicy.yaml")))

    def stack_settings(self, stack: str) -> dict[str, Any]:
        """What a stack's config file says, every scalar as text. Raises ProjectError where there is none."""
        return _load(self.stack_text(stack), self._stack_file(stack))

    def stack_text(self, stack: str) -> str:
        """A stack's config file as it is written. Raises ProjectError where there is none."""
        if stack not in self.stacks:
            raise ProjectError(
                what=f"There is no stack called {stack}",
                why=f"{self.folder} has config files for {', '.join(self.stacks) or 'no stack'}",
                remedy=f"Name one of these, or write {self._stack_file(stack)}",
            )
        return _read(self._stack_file(stack))

    def _stack_file(self, stack: str) -> Path:
        return self.folder / f"Pulumi.{stack}.yaml"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(file, str(error)) from error


def _load(text: str, file: Path) -> dict[str, Any]:
    try:
        loaded = documents.content(text) or {}
    except yaml.YAMLError as error:
        raise _unreadable(file, str(error)) from error
    if not isinstance(loaded, dict):
        raise _unreadable(file, "it holds no mapping")
    return loaded


def _unreadable(file: Path, why: str) -> ProjectError:
    return ProjectError(what=f"{file} cannot be read", why=why, remedy="Mend it and run again")
