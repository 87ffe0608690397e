"""The engine's events, each with the moment that it was written at: the engine's own times are whole seconds.

`pulumi up --event-log FILE` (with PULUMI_DEBUG_COMMANDS) writes a line an event, as it happens.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True, kw_only=True)
class Event:
    """What the engine told, and when, in seconds since the log is followed."""

    seconds: float
    told: Mapping[str, Any]


@contextmanager
def followed(log: Path) -> Iterator[list[Event]]:
    """Follow a log, which need not be there yet; the list is complete when the block has ended."""
    events: list[Event] = []
    ended = threading.Event()
    follower = threading.Thread(target=_follow, args=(log, events, ended, time.monotonic()), daemon=True)
    follower.start()
    try:
        yield events
    finally:
        ended.set()
        follower.join()


def _follow(log: Path, events: list[Event], ended: threading.Event, begin: float) -> None:
    read, rest, last = 0, b"", False
    while not last:
        # Whatever was written before the end is read after it.
        last = ended.wait(_LOOK_SECONDS)
        if not log.exists():
            continue
        with log.open("rb") as file:
            file.seek(read)
            more = file.read()
        seconds = time.monotonic() - begin
        read += len(more)
        *lines, rest = (rest + more).split(b"\n")
        events += [Event(seconds=seconds, told=json.loads(line)) for line in lines]
