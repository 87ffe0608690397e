"""The sandbox's stack with other config: the unchanged program, run by the command line as a user runs it."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
import yaml

from operations.account.folder import link_program
from sandbox.clusters.clients import client_environment
from sandbox.clusters.host.subprocesses import inside
from sandbox.engine import Mode, Project
from sandbox.engine.project import CHECKOUT
from sandbox.local.target import STACK, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout

# Of a slow machine that has other work; nothing waits this long on one that has not.
UP_SECONDS = 2400.0
STOP_SECONDS = 60.0
SAY_SECONDS = 30.0
YES = ("--yes", "--skip-preview", "--non-interactive", "--color=never")


def checked_in(checkout: Path = CHECKOUT) -> dict[str, Any]:
    """The stack's config as it is checked in, by section."""
    settings = yaml.safe_load((checkout / f"Pulumi.{STACK}.yaml").read_text())
    return {key.removeprefix("fleet:"): value for key, value in settings["config"].items()}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A copy of the project's settings in a folder; the program in it is the checkout's own, or another checkout's.

    The state is where `make up` has it, in the sandbox's own folder: two stacks on one sandbox are the same stack.
    """

    layout: Layout
    folder: Path
    program: Path = CHECKOUT
    """The checkout whose program runs."""
    config: Path = CHECKOUT
    """The checkout whose stack file it gets."""
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
        config = _over(_over(checked_in(self.config), self._with_hidden()), {"charts": charts, **sections})
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

    def planned(self, **sections: Any) -> list[dict[str, Any]]:
        """The steps of an `up` with these sections of config, as `pulumi preview --json` tells them."""
        self.configure(**sections)
        found: list[dict[str, Any]] = json.loads(self.run("preview", "--json", "--non-interactive"))["steps"]
        return found

    def changes(self, **sections: Any) -> dict[str, set[str]]:
        """What an `up` with these sections of config would change: names of resources by step."""
        found: dict[str, set[str]] = {}
        for step in self.planned(**sections):
            if step["op"] not in ("same", "read"):
                found.setdefault(step["op"], set()).add(step["urn"].rpartition("::")[2])
        return found

    def outputs(self) -> dict[str, Any]:
        """What the stack exports, secrets in the clear."""
        found: dict[str, Any] = json.loads(self._finish("pulumi", ["stack", "output", "--json", "--show-secrets"]))
        return found

    def settings(self) -> dict[str, str]:
        """The stack's config as the engine hands it over, secrets in the clear."""
        found = json.loads(self._finish("pulumi", ["config", "--json", "--show-secrets"]))
        return {key: setting["value"] for key, setting in found.items()}

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

    @contextlib.contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Any Pulumi command, running; its words are kept in `said`. It is killed if it outlives the block."""
        line, environment = self._line("pulumi", arguments), client_environment(self.layout)
        with (
            self.said.open("ab") as log,
            subprocess.Popen(line, cwd=CHECKOUT, env=environment, stdout=log, stderr=log) as command,
        ):
            try:
                yield command
            finally:
                command.kill()

    def attend(
        self, *arguments: str, say: Callable[[str], None], within_seconds: float = UP_SECONDS
    ) -> tuple[int, str]:
        """Any Pulumi command, and how far it is, now and then; its exit code, and all that it said.

        One that takes too long is stopped as by Ctrl-C.
        """
        before = self.said.stat().st_size if self.said.exists() else 0
        begun = time.monotonic()

        def said() -> str:
            return self.said.read_bytes()[before:].decode(errors="replace")

        with self.start(*arguments) as command:
            try:
                while time.monotonic() - begun < within_seconds:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        return command.wait(timeout=SAY_SECONDS), said()
                    say(f"{arguments[0]} goes on: {_last(said())}")
                raise AssertionError(f"{arguments[0]} goes on after {within_seconds:.0f} s: {said()[-3000:]}")
            finally:
                _stop(command)

    def _lay_out(self) -> None:
        if self._project.exists():
            return
        self._project.mkdir()
        link_program(self.program, self._project)

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


def _last(said: str) -> str:
    """The last line that tells something; most are the dots of a clock."""
    told = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("@ ")]
    return told[-1][:100] if told else "nothing said yet"


def _stop(command: subprocess.Popen[bytes]) -> None:
    if command.poll() is not None:
        return
    engine = engine_of(command)
    if engine is not None:
        engine.send_signal(signal.SIGINT)
    try:
        command.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        if engine is not None and engine.is_running():
            engine.kill()


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
