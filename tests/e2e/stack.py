"""The sandbox's stack with other config: the unchanged program, run by the command line as a user runs it."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
import yaml

from sandbox.engine import Mode, Project
from sandbox.engine.project import CHECKOUT
from sandbox.fleet.target import STACK, Target
from sandbox.kubernetes.cli import client_environment
from sandbox.kubernetes.commands import inside

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sandbox.kubernetes.layout import Layout

# Of a slow machine that has other work; nothing waits this long on one that has not.
UP_SECONDS = 2400.0
YES = ("--yes", "--skip-preview", "--non-interactive", "--color=never")


def checked_in() -> dict[str, Any]:
    """The stack's config as it is checked in, by section."""
    settings = yaml.safe_load((CHECKOUT / f"Pulumi.{STACK}.yaml").read_text())
    return {key.removeprefix("fleet:"): value for key, value in settings["config"].items()}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A copy of the project's settings in a folder; the program in it is the checkout's own.

    The state is where `make up` has it, in the sandbox's own folder.
    """

    layout: Layout
    folder: Path
    hidden: dict[str, str] = field(default_factory=dict, repr=False)
    """Secrets that the config holds from `hide` on, by name."""
    _encrypted: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def target(self) -> Target:
        """What `make up` takes."""
        return Target(layout=self.layout, project=Project(folder=self._project), mode=Mode.AUTO)

    @property
    def said(self) -> Path:
        """All that Pulumi has printed but secrets that were asked for."""
        return self.folder / "said.log"

    @property
    def _project(self) -> Path:
        return self.folder / "project"

    def up(self, **sections: Any) -> str:
        """`pulumi up`, with these sections of config (`traffic={"mode": "global"}`) over the checked-in ones."""
        self.configure(**sections)
        return self.run("up", *YES)

    def configure(self, **sections: Any) -> None:
        """Write config for the next `up`."""
        self._lay_out()
        charts = {project: str(self.layout.charts / project) for project in ("karmada", "istio")}
        config = _over(_over(checked_in(), self._with_hidden()), {"charts": charts, **sections})
        settings = {"config": {f"fleet:{name}": value for name, value in config.items()}}
        (self._project / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(settings))

    def hide(self, name: str) -> None:
        """Put a secret into the config that every later `configure` writes: in an annotation of istiod's pods."""
        self.configure()
        value = secrets.token_urlsafe(32)
        self._finish("pulumi", ["config", "set", "--secret", "--path", f"fleet:secrets.{name}"], given=value)
        # Pulumi wrote it into the sandbox's copy, which holds whatever the sandbox's passphrase opens.
        copy = yaml.safe_load((self.layout.stacks / "project" / f"Pulumi.{STACK}.yaml").read_text())
        self._encrypted[name] = copy["config"]["fleet:secrets"][name]
        self.hidden[name] = value

    def _with_hidden(self) -> dict[str, Any]:
        annotations = {hidden_in(name): {"secret": name} for name in self._encrypted}
        mesh = {"istiodValues": {"podAnnotations": annotations}}
        return {"secrets": dict(self._encrypted), "mesh": mesh} if annotations else {}

    def changes(self, **sections: Any) -> dict[str, set[str]]:
        """What an `up` with these sections of config would change: names of resources by step."""
        self.configure(**sections)
        found: dict[str, set[str]] = {}
        for step in json.loads(self.run("preview", "--json", "--non-interactive"))["steps"]:
            if step["op"] not in ("same", "read"):
                found.setdefault(step["op"], set()).add(step["urn"].rpartition("::")[2])
        return found

    def outputs(self) -> dict[str, Any]:
        """What the stack exports, secrets in the clear."""
        found: dict[str, Any] = json.loads(self._finish("pulumi", ["stack", "output", "--json", "--show-secrets"]))
        return found

    def exported(self) -> dict[str, Any]:
        """The stack's state, secrets in the clear."""
        found: dict[str, Any] = json.loads(self._finish("pulumi", ["stack", "export", "--show-secrets"]))
        return found

    def destroy(self) -> str:
        """`pulumi destroy` of everything that the last `up` left."""
        return self.run("destroy", *YES)

    def recover(self) -> str:
        """`python -m sandbox recover`, for a stack whose engine was killed."""
        return self._finish("recover", [])

    def run(self, *arguments: str) -> str:
        """Any Pulumi command, whose words are kept in `said`; what it printed on standard output."""
        return self._finish("pulumi", arguments, keep=True)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Any Pulumi command, running; its words are kept in `said`."""
        with self.said.open("ab") as log:
            return subprocess.Popen(
                self._line("pulumi", arguments),
                cwd=CHECKOUT,
                env=client_environment(self.layout),
                stdout=log,
                stderr=log,
            )

    def _lay_out(self) -> None:
        if self._project.exists():
            return
        self._project.mkdir()
        for name in ("Pulumi.yaml", "__main__.py", "fleet", "policies", ".venv"):
            (self._project / name).symlink_to(CHECKOUT / name)

    def _finish(self, command: str, arguments: Iterable[str], *, keep: bool = False, given: str | None = None) -> str:
        line = self._line(command, arguments)
        done = subprocess.run(
            line,
            cwd=CHECKOUT,
            env=client_environment(self.layout),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=UP_SECONDS,
        )
        if keep:
            with self.said.open("a") as log:
                log.write(done.stdout + done.stderr)
        told = f"{command} {' '.join(arguments)}"
        assert done.returncode == 0, f"{told}: {done.stdout[-4000:]}{done.stderr[-2000:]}"
        return done.stdout

    def _line(self, command: str, arguments: Iterable[str]) -> list[str]:
        places = ["--stack", STACK, "--project", str(self._project), "--state", str(self.layout.stacks)]
        words = list(arguments)
        line = [sys.executable, "-m", "sandbox", command, *places, *(["--", *words] if words else [])]
        # Not by `sandbox exec`, which is one more Python to start: benches measure how long commands take.
        return inside(self.layout.wan, line)


def hidden_in(name: str) -> str:
    """The annotation of istiod's pods that has a secret of the config."""
    return f"e2e.fleet/{name}"


def engine_of(command: subprocess.Popen[bytes]) -> psutil.Process | None:
    """Pulumi's own process below a command that was started; None where there is none (any more)."""
    try:
        below = psutil.Process(command.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return None
    return next((process for process in below if process.name() == "pulumi"), None)


def _over(config: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A config with another one over it, key by key at every depth; a key over which there is None goes."""
    merged = {
        key: _over(config[key], value) if isinstance(value, dict) and isinstance(config.get(key), dict) else value
        for key, value in other.items()
    }
    return {key: value for key, value in (config | merged).items() if value is not None}
