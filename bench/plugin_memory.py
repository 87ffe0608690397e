"""What Pulumi's plugins hold at most while something runs, by kind of plugin and by proportional set size."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

import psutil

from bench.usage import proportional_set_size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PAUSE_SECONDS: Final = 1.0
_KIND: Final = re.compile(r"(?:^|/)(?:pulumi-)?((?:resource|language)-[a-z]+)$")
"""Of the official ones the executable is called so, of stand-ins an argument (sandbox/plugins/launch.py)."""


class PluginMemory:
    """Looks at the plugins of every engine that works on a state in a folder, once a second."""

    def __init__(self, folder: Path) -> None:
        self._address = f"{folder.resolve().as_uri()}/"
        self._known: dict[psutil.Process, str | None] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peaks: Counter[str] = Counter()
        """The most that all plugins of a kind held at one time, in bytes."""
        self.together = 0
        """The most that all plugins held at one time."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def __str__(self) -> str:
        each = ", ".join(f"{kind} {size / 1024**2:.0f}" for kind, size in sorted(self.peaks.items()))
        return f"plugins held {self.together / 1024**2:.0f} MiB at most (each kind at its most: {each})"

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            self.look(psutil.process_iter())

    def look(self, processes: Iterable[psutil.Process]) -> None:
        """See what these hold now."""
        held: Counter[str] = Counter()
        for process in processes:
            if process not in self._known:
                self._known[process] = self._kind(process)
            if kind := self._known[process]:
                held[kind] += proportional_set_size(process.pid)
        self.peaks |= held
        self.together = max(self.together, held.total())

    def _kind(self, process: psutil.Process) -> str | None:
        try:
            if not process.environ().get("PULUMI_BACKEND_URL", "").startswith(self._address):
                return None
            words = process.cmdline()
        except (psutil.Error, OSError):
            return None
        return next((found[1] for word in words if (found := _KIND.search(word))), None)
