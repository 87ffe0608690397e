"""What a user sees while tools are built: which one, how many of how many, how long so far.

Everything goes to standard error, so that a command's own output stays clean. A terminal gets one live line a
tool; anything else gets plain lines, with a sign of life every half minute.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_SIGN_OF_LIFE_SECONDS: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One of the things that a command has to make."""

    title: str
    position: int
    total: int

    def __str__(self) -> str:
        return f"[{self.position}/{self.total}] {self.title}"


class Activity(Protocol):
    """What is going on within a step."""

    def stage(self, text: str, *, packages: int | None = None) -> None:
        """Name what is done now, and how many packages it is about if that is known."""

    def advance(self) -> None:
        """One package more is done."""


class Reporter(Protocol):
    """Where progress is shown."""

    def step(self, step: Step) -> AbstractContextManager[Activity]:
        """Show a step for as long as it takes."""

    def note(self, text: str) -> None:
        """Say something that stays on the screen."""


class TerminalReporter:
    """One live line a step."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def step(self, step: Step) -> Iterator[Activity]:
        """Show a line that lives until the step ends, and then says how long it took."""
        started = time.monotonic()
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            MofNCompleteColumn(),
            TextColumn("packages"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            yield _LiveLine(progress, str(step))
        self.note(f"{step}: {time.monotonic() - started:.0f} s")

    def note(self, text: str) -> None:
        """Say something above the live line."""
        self._console.print(text, markup=False, highlight=False)


class _LiveLine:
    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._title = title
        self._task = progress.add_task(title, total=None)

    def stage(self, text: str, *, packages: int | None = None) -> None:
        self._progress.update(self._task, description=f"{self._title}: {text}", total=packages)

    def advance(self) -> None:
        self._progress.advance(self._task)


class PlainReporter:
    """Lines of text, for logs."""

    def __init__(self, console: Console, *, sign_of_life_seconds: float = _SIGN_OF_LIFE_SECONDS) -> None:
        self._console = console
        self._interval = sign_of_life_seconds

    @contextlib.contextmanager
    def step(self, step: Step) -> Iterator[Activity]:
        """Say that a step starts, now and then that it goes on, and how long it took."""
        started = time.monotonic()
        activity = _Tally()
        over = threading.Event()

        def show_life() -> None:
            while not over.wait(self._interval):
                self.note(f"{step}: {activity}, {time.monotonic() - started:.0f} s so far")

        self.note(f"{step}: started")
        watcher = threading.Thread(target=show_life, daemon=True)
        watcher.start()
        try:
            yield activity
        finally:
            over.set()
            watcher.join()
        self.note(f"{step}: {time.monotonic() - started:.0f} s")

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Tally:
    def __init__(self) -> None:
        self._text = "waiting"
        self._done = 0
        self._packages: int | None = None

    def stage(self, text: str, *, packages: int | None = None) -> None:
        self._text, self._packages = text, packages

    def advance(self) -> None:
        self._done += 1

    def __str__(self) -> str:
        return self._text if self._packages is None else f"{self._text}, {self._done}/{self._packages} packages"


def default_reporter() -> Reporter:
    """The reporter that suits standard error."""
    console = Console(stderr=True)
    return TerminalReporter(console) if console.is_terminal else PlainReporter(console)
