"""Keeps processes running: starts each, finds again those of an earlier supervisor, restarts what died."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import psutil

from sandbox.clusters.host.processes import recall, remember
from sandbox.clusters.host.subprocesses import CommandError, detach, inside
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.processes import ProcessSpec, Running

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
# A process that ran this long was healthy: its next death is no part of a series.
_HEALTHY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 5.0
_LOG_BYTES: Final = 20 * 1024 * 1024


class Place(Protocol):
    """Where a process runs, and how it gets there."""

    def start(self, unit: Unit) -> int:
        """Start the unit's command and return its process number.

        Raises SandboxError or OSError if it cannot be started.
        """


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A process that should run."""

    name: str
    """Of its log and its file, like "lke12.kube-apiserver"."""
    command: ProcessSpec
    place: Place


@dataclass
class _Watched:
    """What the supervisor knows of a unit."""

    unit: Unit
    running: Running | None = None
    failures: int = 0
    retry_at: float = 0.0
    since: float = field(default_factory=time.monotonic)


class Supervisor:
    """Runs units until they are stopped. Several threads may use it, and wait for each other only by node."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._watched: dict[str, _Watched] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervision", daemon=True)

    def begin(self) -> None:
        """Start to watch."""
        self._thread.start()

    def end(self) -> None:
        """Stop watching; the processes go on."""
        self._ending.set()
        self._thread.join()

    def ensure(self, unit: Unit) -> None:
        """Run the unit: keep a process of an earlier start if its command is the same, replace it if not.

        Raises SandboxError or OSError if it cannot be started; it is tried again, with growing pauses.
        """
        with self._turn(unit.name):
            watched = self._watched.setdefault(unit.name, _Watched(unit))
            watched.unit = unit
            watched.running = watched.running or recall(self._layout.units / f"{unit.name}.json")
            if watched.running is not None and watched.running.alive:
                if watched.running.fingerprint == unit.command.fingerprint:
                    return
                watched.running.stop(grace_seconds=_STOP_SECONDS)
            self._start(watched)

    def drop(self, names: Iterable[str], *, grace_seconds: float = 0.0) -> None:
        """Stop the units of these names, and forget them. What has no state of its own to save needs no grace."""
        for name in names:
            with self._turn(name):
                watched = self._watched.pop(name, None)
                path = self._layout.units / f"{name}.json"
                if running := (watched and watched.running) or recall(path):
                    running.stop(grace_seconds=grace_seconds)
                path.unlink(missing_ok=True)

    def names(self, prefix: str) -> list[str]:
        """The units whose names begin so, those of an earlier supervisor too."""
        files = {path.stem for path in self._layout.units.glob(f"{prefix}*.json")}
        return sorted(files | {name for name in list(self._watched) if name.startswith(prefix)})

    def is_alive(self, name: str) -> bool:
        """Whether a unit's process runs."""
        watched = self._watched.get(name)
        return watched is not None and watched.running is not None and watched.running.alive

    def _turn(self, name: str) -> threading.Lock:
        """What to hold while a unit is started or stopped: that of its node, which two units would both switch on."""
        return self._turns[name.rpartition(".")[0] or name]

    def _start(self, watched: _Watched) -> None:
        unit = watched.unit
        restarts = watched.running.restarts + 1 if watched.running else 0
        try:
            pid = unit.place.start(unit)
            watched.running = remember(
                self._layout.units / f"{unit.name}.json",
                pid=pid,
                fingerprint=unit.command.fingerprint,
                restarts=restarts,
            )
        except psutil.NoSuchProcess as error:
            self._postpone(watched)
            raise CommandError(
                unit.command.line, f"it ended at once; see {self._layout.logs / unit.name}.log"
            ) from error
        except Exception:
            self._postpone(watched)
            raise
        watched.since = time.monotonic()

    def _postpone(self, watched: _Watched) -> None:
        pause = min(2.0**watched.failures, _LONGEST_PAUSE_SECONDS)
        watched.failures = min(watched.failures + 1, 10)
        watched.retry_at = time.monotonic() + pause

    def _watch(self) -> None:
        while not self._ending.wait(_INTERVAL_SECONDS):
            for name in list(self._watched):
                self._look_after(name)
            self._shorten_logs()

    def _look_after(self, name: str) -> None:
        turn = self._turn(name)
        # Whoever has the turn starts or stops it, and the others need not wait for that.
        if not turn.acquire(blocking=False):
            return
        try:
            if watched := self._watched.get(name):
                self._revive(watched)
        except Exception:
            # Whatever is wrong with one, the others are looked after, and this one again.
            _log.exception("%s cannot be looked after", name)
        finally:
            turn.release()

    def _shorten_logs(self) -> None:
        for log in self._layout.logs.glob("*.log"):
            try:
                if log.stat().st_size > _LOG_BYTES:
                    os.truncate(log, 0)  # every writer appends, so it goes on at the new end
            except OSError as error:
                _log.warning("%s cannot be shortened: %s", log, error)

    def _revive(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.running is not None and watched.running.alive:
            if now - watched.since > _HEALTHY_SECONDS:
                watched.failures = 0
            return
        if now < watched.retry_at:
            return
        _log.warning("%s ended; starting it again", watched.unit.name)
        try:
            self._start(watched)
        except (SandboxError, OSError) as error:
            _log.warning("%s cannot be started: %s", watched.unit.name, error)
        else:
            # The first restart is at once; one that dies again waits.
            self._postpone(watched)


class OnHost:
    """Processes that need a network namespace and nothing else: control planes and etcd."""

    def __init__(self, layout: Layout, namespace: str) -> None:
        self._layout = layout
        self._namespace = namespace

    def start(self, unit: Unit) -> int:
        """Start it."""
        return detach(
            inside(self._namespace, unit.command.line),
            log=self._layout.logs / f"{unit.name}.log",
            folder=self._layout.root,
            extra_environment=unit.command.environment,
        )
