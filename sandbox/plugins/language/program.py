"""The user's program as a process."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox.plugins.language.executor import EXIT_SHOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.plugins.language.environment import Environment

_EXECUTOR: Final = Path(__file__).with_name("executor.py")


class Program:
    """One run of a program. Its output goes where ours goes, which the engine shows to the user."""

    def __init__(self, environment: Environment, directory: Path) -> None:
        """`directory` is the program's folder, in which it runs."""
        self._environment = environment
        self._directory = directory
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self, settings: Mapping[str, object], arguments: Sequence[str]) -> int:
        """Run the program to its end and return its exit status, negative for a signal.

        `settings` go through a pipe: they hold secrets, which neither arguments nor variables keep.
        """
        reading, writing = os.pipe()
        try:
            process = self._start(reading, arguments)
        finally:
            os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            if process is not None:
                json.dump(settings, pipe)
        return EXIT_SHOWN if process is None else process.wait()

    def stop(self) -> None:
        """End the program at once, or keep it from starting."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.terminate()

    @property
    def stopped(self) -> bool:
        """Whether the program was told to end."""
        return self._stopped

    def _start(self, settings: int, arguments: Sequence[str]) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopped:
                return None
            self._process = subprocess.Popen(  # noqa: S603 - the user's own program is what this is for
                [self._environment.python, "-u", _EXECUTOR, str(settings), *arguments],
                cwd=self._directory,
                env=self._environment.variables(),
                stdin=subprocess.DEVNULL,
                pass_fds=(settings,),
            )
            return self._process
