"""A process of the sandbox as something that can be found again: by any later run, and after a crash of its starter.

A process is known by its number together with its start time and the boot it ran in: the number alone may be another
process's by now.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.files import write_whole
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_PAUSE_SECONDS: Final = 0.02


class Running(BaseModel):
    """A process that was started: the content of its file in the units folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pid: int
    started: float
    """Seconds since the epoch by the clock of that time, for people."""
    ticks: int | None = None
    """From the kernel's boot to the start, which no setting of the clock moves; None in a file of an older sandbox."""
    boot: str
    fingerprint: str
    """Of the command line that started it; another one means that it has to be replaced."""
    restarts: int = 0

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        if self.boot != boot_id():
            return False
        try:
            process = psutil.Process(self.pid)
            return self._is(process) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _is(self, process: psutil.Process) -> bool:
        if self.ticks is None:
            return abs(process.create_time() - self.started) < 0.5
        return start_ticks(process.pid) == self.ticks

    def stop(self, *, grace_seconds: float) -> None:
        """End the process, at first politely; return when it is gone."""
        if grace_seconds > 0:
            self._send(signal.SIGTERM)
            until(lambda: not self.alive, seconds=grace_seconds, every=_PAUSE_SECONDS)
        until(lambda: self._send(signal.SIGKILL), seconds=math.inf, every=_PAUSE_SECONDS)

    def _send(self, number: signal.Signals) -> bool:
        """Send a signal; whether the process is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        return not self.alive


def boot_id() -> str:
    """What tells this boot of the system from every other."""
    return _BOOT_ID.read_text().strip()


def start_ticks(pid: int) -> int:
    """When a process began, in clock ticks since the kernel's boot.

    psutil adds the boot's time by the system's clock, and so tells another start after each step of that clock.

    Raises:
        psutil.NoSuchProcess: there is none of that number.

    """
    try:
        line = Path("/proc", str(pid), "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(pid) from error
    # Field 22 of proc_pid_stat(5). The second is the program's name, which may have spaces and brackets of its own.
    return int(line.rpartition(")")[2].split()[19])


def remember(path: Path, *, pid: int, fingerprint: str, restarts: int) -> Running:
    """Write a process's file; it appears whole or not at all.

    Raises:
        psutil.NoSuchProcess: the process ended already.

    """
    running = Running(
        name=path.stem,
        pid=pid,
        started=psutil.Process(pid).create_time(),
        ticks=start_ticks(pid),
        boot=boot_id(),
        fingerprint=fingerprint,
        restarts=restarts,
    )
    write_whole(path, running.model_dump_json())
    return running


def recall(path: Path) -> Running | None:
    """The process that a file speaks of; None if there is no file, or it is no such file."""
    try:
        return Running.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """How a process is started."""

    line: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    """Configuration files that the process reads once: it is replaced when they change."""

    @property
    def fingerprint(self) -> str:
        """The same for the same command with the same configuration."""
        digest = hashlib.sha256(repr((list(self.line), sorted(self.environment.items()))).encode())
        for path in self.inputs:
            digest.update(path.read_bytes())
        return digest.hexdigest()
