"""Pulumi on the folder of a check, by its Automation API; interrupted, it ends as by Ctrl-C at its own terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pulumi.automation import CommandError, CommandResult, ConfigValue, LocalWorkspace, PulumiCommand, Stack
from pulumi.automation.errors import InvalidVersionError, create_command_error

from operations.account.folder import STACK
from operations.account.limits import TimeOverError
from operations.errors import OperationError
from operations.workloads import entries
from plan.events import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pulumi.automation import EngineEvent, OnOutput

    from fleet.config.workloads import Workload
    from operations.account.folder import Folder
    from plan.events import Plan

_SAY_SECONDS: Final = 30.0
_LAST_LINES: Final = 20


class Attended(PulumiCommand):
    """The CLI in a process group of its own: a terminal's Ctrl-C reaches it once, by us, and nothing is cut off."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,  # noqa: ARG002 - the base class's; here nobody listens
        on_error: OnOutput | None = None,  # noqa: ARG002
    ) -> CommandResult:
        """Run a command to its end, also where this thread is interrupted meanwhile. Raises CommandError."""
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+") as error:
            process = subprocess.Popen(  # noqa: S603 - the Automation API's own arguments, read by no shell
                [self.command, "--non-interactive", *args],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                process_group=0,
            )
            try:
                process.wait()
            except BaseException:
                end(process)
                raise
            out.seek(0)
            error.seek(0)
            result = CommandResult(stdout=out.read(), stderr=error.read(), code=process.returncode)
        if result.code != 0:
            raise create_command_error(result)
        return result


def end(process: subprocess.Popen[Any]) -> None:
    """Ask the CLI to end, and wait until it has: what it works on is written to the state first.

    Each further interruption is handed on; at the second one Pulumi gives up at once.
    """
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait()
        except (KeyboardInterrupt, TimeOverError):
            continue


class Engine:
    """The stack of one check."""

    def __init__(self, folder: Folder, *, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say
        variables = {
            "PULUMI_BACKEND_URL": folder.backend,
            # Wins over whatever the user has set for stacks of their own.
            "PULUMI_CONFIG_PASSPHRASE": folder.passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        try:
            command = Attended()
        except (FileNotFoundError, InvalidVersionError) as error:
            why = "it is not on the PATH" if isinstance(error, FileNotFoundError) else str(error).rstrip(".")
            raise OperationError(
                what="pulumi cannot be used", why=why, remedy="Install it (https://www.pulumi.com/docs/install)"
            ) from error
        workspace = LocalWorkspace(
            work_dir=str(folder.project),
            env_vars=variables,
            secrets_provider="passphrase",
            pulumi_command=command,
        )
        with self._told("stack init"):
            self._stack = Stack.create_or_select(STACK, workspace)

    def set(self, key: str, value: str) -> None:
        """Set a value at a path of the stack's config: `fleet:tags.check`. Raises OperationError."""
        with self._told("config set"):
            self._stack.set_config(key, ConfigValue(value), path=True)

    def workloads(self) -> dict[str, Workload]:
        """The workloads of the stack's config, by name. Raises OperationError."""
        with self._told("config"):
            found = self._stack.get_all_config()
        return entries({key: setting.value for key, setting in found.items()})

    def preview(self) -> Plan:
        """What `up` would do. Raises OperationError."""
        events: list[EngineEvent] = []
        with self._told("preview"):
            self._stack.preview(on_event=events.append)
        if not any(event.summary_event for event in events):
            raise OperationError(
                what="The check cannot be planned", why="Pulumi's events stop before their sum", remedy="Run again"
            )
        return plan_of(events, failed=False)

    def up(self) -> dict[str, int]:
        """Bring the stack up; how many resources by what was done to them. Raises OperationError."""
        with self._told("up"):
            done = self._stack.up(on_event=Progress(self._say)).summary
        return {str(getattr(op, "value", op)): count for op, count in (done.resource_changes or {}).items()}

    def outputs(self) -> dict[str, Any]:
        """What the stack exports, secrets in the clear. Raises OperationError."""
        with self._told("stack output"):
            return {name: output.value for name, output in self._stack.outputs().items()}

    def destroy(self) -> None:
        """Take everything away, whatever became of an earlier update. Raises OperationError."""
        with self._told("destroy"):
            # The lock of an engine that was killed; none of another check, since each has a state of its own.
            self._stack.cancel()
            self._stack.destroy(on_event=Progress(self._say))

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except CommandError as error:
            with self._folder.log.open("a", encoding="utf-8") as log:
                log.write(f"{error}\n")
            raise OperationError(
                what=f"`pulumi {what}` failed",
                why="\n".join(str(error).strip().splitlines()[-_LAST_LINES:]),
                remedy=f"All of it is in {self._folder.log}",
            ) from error


class Progress:
    """Says now and then how far an update is, by the engine's events."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._begun = self._last = clock()
        self._done = 0

    def __call__(self, event: EngineEvent) -> None:
        """Take the next event."""
        if event.res_outputs_event is None:
            return
        self._done += 1
        if (now := self._clock()) - self._last >= _SAY_SECONDS:
            self._last = now
            name = event.res_outputs_event.metadata.urn.rpartition("::")[2]
            self._say(f"  {now - self._begun:.0f} s: {self._done} resources done, {name} last")
