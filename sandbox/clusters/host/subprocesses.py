"""Runs the system's own commands (ip, nft, runc...), and starts the processes that a sandbox consists of."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import threading
from typing import TYPE_CHECKING, Final

from sandbox.clusters.host.layout import namespace_path
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_TIMEOUT_SECONDS: Final = 60.0
_KEPT: Final = ("HOME", "FLEET_STATE_HOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
# sudo and cron leave the administrator's folders out.
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DETACHED: Final[set[int]] = set()
"""Processes that were started to outlive this one, and have not been collected since they ended."""
_COLLECTING: Final = threading.Lock()


class CommandError(SandboxError):
    """A command of the system failed; `output` is what it said."""

    def __init__(self, command: Sequence[str], output: str) -> None:
        self.output = output.strip()
        super().__init__(
            what=f"`{shlex.join(command)}` failed",
            why=self.output or "it said nothing",
            remedy="Run `python -m sandbox up` again; if it stays, run `python -m sandbox down` first",
        )


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the sandbox's processes see: nothing of the user's own settings but where things are kept."""
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    return {"PATH": _PATH, "LANG": "C.UTF-8", "TZ": "UTC", **kept, **(extra or {})}


def inside(namespace: str, command: Sequence[str]) -> list[str]:
    """The command in a network namespace.

    nsenter and not `ip netns exec`, which mounts a new /sys that hides the control groups.
    """
    return ["nsenter", f"--net={namespace_path(namespace)}", "--", *command]


def run(
    *command: str,
    stdin: str = "",
    extra_environment: Mapping[str, str] | None = None,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> str:
    """The standard output of a command that ends by itself.

    Raises CommandError if it failed, or took longer than `timeout_seconds`.
    """
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and every argument is the sandbox's own
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
            env=environment(extra_environment),
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(command, f"no end after {timeout_seconds:.0f} s") from error
    except OSError as error:
        raise CommandError(command, str(error)) from error
    if done.returncode != 0:
        raise CommandError(command, done.stderr or done.stdout)
    return done.stdout


def detach(
    command: Sequence[str], *, log: Path, folder: Path, extra_environment: Mapping[str, str] | None = None
) -> int:
    """Start a process that outlives its starter, with its output appended to a log; its number.

    One that ends before its starter is a zombie until the next one is started. Raises OSError if there is no such
    executable, or the log cannot be written.
    """
    process = _start(command, log=log, folder=folder, extra_environment=extra_environment)
    with _COLLECTING:
        _DETACHED.difference_update([pid for pid in _DETACHED if _collected(pid)])
        _DETACHED.add(process.pid)
    # Nobody waits for it by this object, whose end would warn of a process that still runs.
    process.returncode = 0
    return process.pid


def _collected(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


@contextlib.contextmanager
def beside(command: Sequence[str], *, log: Path, folder: Path) -> Iterator[None]:
    """Have a process run, with its output appended to a log, and end it.

    Raises OSError if there is no such executable, or the log cannot be written.
    """
    process = _start(command, log=log, folder=folder)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _start(
    command: Sequence[str], *, log: Path, folder: Path, extra_environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # no shell, and every argument is the sandbox's own
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(extra_environment),
            start_new_session=True,
        )


def launch(command: Sequence[str], *, log: Path, folder: Path, timeout_seconds: float) -> None:
    """Run a command that ends by itself and leaves a process behind, with the output of both appended to a log.

    A file, since what is left behind keeps it open: a pipe would be waited for until that ends. At the timeout the
    command is killed.

    Raises:
        CommandError: it failed, or took longer than `timeout_seconds`.
        OSError: there is no such executable, or the log cannot be written.

    """
    before = log.stat().st_size if log.exists() else 0
    starter = _start(command, log=log, folder=folder)
    try:
        status = starter.wait(timeout=timeout_seconds)
    except subprocess.TimeoutExpired as error:
        starter.kill()
        starter.wait()
        raise CommandError(command, f"no end after {timeout_seconds:.0f} s; see {log}") from error
    if status != 0:
        with log.open("rb") as file:
            file.seek(before)
            said = file.read().decode(errors="replace").strip().splitlines()
        raise CommandError(command, f"{said[-1] if said else f'it ended with status {status}'}; see {log}")
