"""A Pulumi project as it lies in a checkout. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

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
        """What Pulumi.yaml says. Raises ProjectError."""
        return _load(self.folder / "Pulumi.yaml")

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
        """What a stack's config file says. Raises ProjectError where there is none."""
        if stack not in self.stacks:
            raise ProjectError(
                what=f"There is no stack called {stack}",
                why=f"{self.folder} has config files for {', '.join(self.stacks) or 'no stack'}",
                remedy=f"Name one of these, or write {self.folder / f'Pulumi.{stack}.yaml'}",
            )
        return _load(self.folder / f"Pulumi.{stack}.yaml")


def _load(file: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ProjectError(what=f"{file} cannot be read", why=str(error), remedy="Mend it and run again") from error
    if not isinstance(loaded, dict):
        raise ProjectError(what=f"{file} cannot be read", why="it holds no mapping", remedy="Mend it and run again")
    return loaded
