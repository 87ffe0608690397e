"""The sandbox's stack with other config: the unchanged program, run by the command line as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.engine import Mode, Project
from sandbox.engine.project import CHECKOUT
from sandbox.fleet.target import STACK, Target

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.kubernetes.layout import Layout

# Of a slow machine that has other work; nothing waits this long on one that has not.
UP_SECONDS = 2400.0


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A copy of the project's settings in a folder; the program in it is the checkout's own.

    The state is where `make up` has it, in the sandbox's own folder.
    """

    layout: Layout
    folder: Path

    @property
    def target(self) -> Target:
        """What `make up` takes."""
        return Target(layout=self.layout, project=Project(folder=self._project), mode=Mode.AUTO)

    @property
    def _project(self) -> Path:
        return self.folder / "project"

    def up(self, **sections: Any) -> str:
        """`pulumi up`, with these sections of config (`traffic={"mode": "global"}`) over the checked-in ones."""
        self.configure(**sections)
        return self._pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--color=never")

    def configure(self, **sections: Any) -> None:
        """Write config for the next `up`."""
        self._lay_out()
        settings = yaml.safe_load((CHECKOUT / f"Pulumi.{STACK}.yaml").read_text())
        charts = {project: str(self.layout.charts / project) for project in ("karmada", "istio")}
        over = {"charts": charts, **sections}
        settings["config"] = _over(settings["config"], {f"fleet:{name}": value for name, value in over.items()})
        (self._project / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(settings))

    def outputs(self) -> dict[str, Any]:
        """What the stack exports, secrets in the clear."""
        found: dict[str, Any] = json.loads(self._pulumi("stack", "output", "--json", "--show-secrets"))
        return found

    def destroy(self) -> str:
        """`pulumi destroy` of everything that the last `up` left."""
        return self._pulumi("destroy", "--yes", "--skip-preview", "--non-interactive", "--color=never")

    def _lay_out(self) -> None:
        if self._project.exists():
            return
        self._project.mkdir()
        for name in ("Pulumi.yaml", "__main__.py", "fleet", "policies", ".venv"):
            (self._project / name).symlink_to(CHECKOUT / name)

    def _pulumi(self, *arguments: str) -> str:
        python = [sys.executable, "-m", "sandbox"]
        inside = [*python, "exec", "--name", self.layout.name, "--"]
        places = ["--project", str(self._project), "--state", str(self.layout.stacks)]
        done = subprocess.run(
            [*inside, *python, "pulumi", "--stack", STACK, *places, "--", *arguments],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
            timeout=UP_SECONDS,
        )
        assert done.returncode == 0, f"pulumi {arguments[0]}: {done.stdout[-4000:]}{done.stderr[-2000:]}"
        return done.stdout


def _over(config: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A config with another one over it, key by key at every depth."""
    merged = {
        key: _over(config[key], value) if isinstance(value, dict) and isinstance(config.get(key), dict) else value
        for key, value in other.items()
    }
    return config | merged
