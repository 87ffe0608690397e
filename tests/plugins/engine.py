"""A Pulumi project that the real engine works on, with the plugins that the sandbox gives it.

A test writes a program, runs commands and asks the result what the engine did:

    stack = Stack(tmp_path, home=plugin_home)
    stack.program('import pulumi_random as random; random.RandomId("id", byte_length=4)')
    assert stack.up().operations == {"id": ["create"]}
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSPHRASE: Final = "correct horse battery staple"
_LIMIT: Final = 300  # seconds; a command that takes longer hangs
_STACK_TYPE: Final = "pulumi:pulumi:Stack"
_BACKGROUND_TYPES: Final = (_STACK_TYPE, "pulumi:providers:")


class CommandFailedError(AssertionError):
    """A Pulumi command did not end as the test expects. Its message is the command's output."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command printed and what the engine reported about it."""

    status: int
    output: str
    events: tuple[Mapping[str, Any], ...]

    @cached_property
    def operations(self) -> dict[str, list[str]]:
        """What was done to each resource, by its name: `create`, `update`, `replace`, `same`, and so on."""
        found: dict[str, list[str]] = defaultdict(list)
        for event in self.events:
            step = event.get("resourcePreEvent", {}).get("metadata")
            if step and not step["type"].startswith(_BACKGROUND_TYPES):
                found[_name(step["urn"])].append(step["op"])
        return dict(found)

    def diff(self, name: str) -> dict[str, str]:
        """The detailed diff of a resource: the kind of difference by property path."""
        found: dict[str, str] = {}
        for event in self.events:
            step = event.get("resourcePreEvent", {}).get("metadata")
            if step and _name(step["urn"]) == name:
                found |= {path: one["diffKind"] for path, one in (step["detailedDiff"] or {}).items()}
        return found

    def planned(self, name: str) -> dict[str, Any]:
        """The outputs of a resource as the engine reported them, in a preview or an update."""
        for event in reversed(self.events):
            step = event.get("resOutputsEvent", {}).get("metadata")
            if step and _name(step["urn"]) == name and step["new"]:
                outputs: dict[str, Any] = step["new"]["outputs"]
                return outputs
        raise KeyError(name)

    @cached_property
    def errors(self) -> list[str]:
        """The error messages, as the user reads them."""
        return self._diagnostics("error")

    @cached_property
    def warnings(self) -> list[str]:
        """The warnings, as the user reads them."""
        return self._diagnostics("warning")

    def _diagnostics(self, severity: str) -> list[str]:
        diagnostics = (event.get("diagnosticEvent", {}) for event in self.events)
        return [one["message"].strip() for one in diagnostics if one.get("severity") == severity]


class Stack:
    """One project with one stack, on a file backend, all in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        home: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`home` is a PULUMI_HOME with plugins; `environment` is added to every command's."""
        self.folder = folder
        self._project = folder / "project"
        self._state = folder / "state"
        self._events = folder / "events.json"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": self._state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # allows --event-log
            **(environment or {}),
        }
        self._project.mkdir(parents=True)
        self._state.mkdir()
        (self._project / "Pulumi.yaml").write_text(
            json.dumps(
                {
                    "name": "test",
                    "runtime": {"name": "python", "options": {"virtualenv": str(Path(sys.prefix))}},
                }
            )
        )
        self.program("")
        self.command("stack", "init", "test")

    def program(self, source: str, *, file: str = "__main__.py") -> None:
        """Write a file of the program."""
        (self._project / file).write_text(textwrap.dedent(source))

    def config(self, key: str, value: str) -> None:
        """Set a plain config value."""
        self.command("config", "set", key, value)

    def secret_config(self, key: str, value: str) -> None:
        """Set an encrypted config value."""
        self.command("config", "set", "--secret", key, value)

    def up(self, *arguments: str) -> Result:
        """Update without a preview first. Raises CommandFailedError if it fails."""
        return self.operation("up", "--skip-preview", *arguments)

    def failing_up(self, *arguments: str) -> Result:
        """An update that has to fail."""
        return self.failing_operation("up", "--skip-preview", *arguments)

    def preview(self, *arguments: str) -> Result:
        """What an update would do."""
        return self.operation("preview", *arguments)

    def refresh(self, *arguments: str) -> Result:
        """Take over what changed outside of the program."""
        return self.operation("refresh", "--skip-preview", *arguments)

    def destroy(self, *arguments: str) -> Result:
        """Remove every resource."""
        return self.operation("destroy", "--skip-preview", *arguments)

    def operation(self, command: str, *arguments: str) -> Result:
        """A command that reports events. Raises CommandFailedError if it fails."""
        result = self._run_operation(command, *arguments)
        if result.status != 0:
            raise CommandFailedError(f"pulumi {command} failed:\n{result.output}")
        return result

    def failing_operation(self, command: str, *arguments: str) -> Result:
        """A command that reports events and has to fail."""
        result = self._run_operation(command, *arguments)
        if result.status == 0:
            raise CommandFailedError(f"pulumi {command} should have failed:\n{result.output}")
        return result

    def command(self, *arguments: str) -> str:
        """Any other command; returns what it prints. Raises CommandFailedError if it fails."""
        process = self._start(*arguments)
        output = _finish(process)
        if process.returncode != 0:
            raise CommandFailedError(f"pulumi {' '.join(arguments)} failed:\n{output}")
        return output

    def start(self, *arguments: str) -> RunningOperation:
        """Start a command that reports events and return while it runs."""
        self._events.unlink(missing_ok=True)
        process = self._start(*arguments, *self._operation_flags(arguments[0]))
        return RunningOperation(process, self._events)

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets included."""
        stacks = [one for one in self._recorded() if one["type"] == _STACK_TYPE]
        return {name: _plain(value) for one in stacks for name, value in one.get("outputs", {}).items()}

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The recorded resources by name, secrets decrypted."""
        return {_name(one["urn"]): one for one in self._recorded() if not one["type"].startswith(_BACKGROUND_TYPES)}

    @property
    def stored_text(self) -> str:
        """Every file that the backend and the project keep, in which no secret may stand."""
        files = [*self._state.rglob("*"), *self._project.rglob("*")]
        return "\n".join(file.read_text(errors="replace") for file in files if file.is_file())

    def _recorded(self) -> list[dict[str, Any]]:
        (file,) = self._state.glob(".pulumi/stacks/*/test.json")
        text = file.read_text()
        # Only the engine can decrypt, which takes it half a second.
        is_plain = '"ciphertext"' not in text
        state = json.loads(text)["checkpoint"]["latest"] if is_plain else self._decrypted()
        found: list[dict[str, Any]] = (state or {}).get("resources") or []
        return found

    def _decrypted(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("stack", "export", "--show-secrets"))["deployment"]
        return found

    def _run_operation(self, command: str, *arguments: str) -> Result:
        running = self.start(command, *arguments)
        return running.result()

    def _operation_flags(self, command: str) -> list[str]:
        confirm = [] if command == "preview" else ["--yes"]
        return [*confirm, "--non-interactive", "--color=never", f"--event-log={self._events}"]

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(tool_path("pulumi")), *arguments],
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


class RunningOperation:
    """A command that still runs."""

    def __init__(self, process: subprocess.Popen[str], events: Path) -> None:
        self._process = process
        self._events = events

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def interrupt(self) -> None:
        """What Ctrl-C does: the terminal signals the command; plugins have process groups of their own."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """What `kill -9` does: the command ends at once and clears nothing up."""
        self._process.kill()

    def result(self) -> Result:
        """Wait for the end and tell what happened."""
        output = _finish(self._process)
        lines = self._events.read_text().splitlines() if self._events.exists() else []
        return Result(status=self._process.returncode, output=output, events=tuple(json.loads(line) for line in lines))


def _finish(process: subprocess.Popen[str]) -> str:
    try:
        output, _ = process.communicate(timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        raise CommandFailedError(f"pulumi did not end in {_LIMIT} s:\n{output}") from None
    return output


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _plain(value: Any) -> Any:
    """The content of a decrypted secret, or the value itself."""
    return json.loads(value["plaintext"]) if isinstance(value, dict) and "plaintext" in value else value
