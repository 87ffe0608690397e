"""Work in stages, each of which may be interrupted: says which is under way, how far that is, and how to go on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class StoppedError(Exception):
    """The user stopped the work; the text says where, and how to go on."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One part of the work. Doing it again goes on with what is missing."""

    name: str
    title: str
    """What is done, in words."""
    usual: str
    """How long it takes, in words."""
    work: Callable[[], None]


def run_stages(
    stages: Sequence[Stage],
    *,
    say: Callable[[str], None],
    afterwards: str,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, float]:
    """Do one stage after the other. Returns the seconds that each took, by name.

    `say` gets a line when a stage begins, and one when it ends; `afterwards` tells what comes after an interruption or
    a failure, as `kept` does.

    Raises:
        StoppedError: by Ctrl-C.
        Exception: what a stage raised.

    """
    took: dict[str, float] = {}
    for position, stage in enumerate(stages, start=1):
        label = f"[{position}/{len(stages)}] {stage.name}"
        say(f"{label}: {stage.title} ({stage.usual})")
        begun = clock()
        try:
            stage.work()
        except KeyboardInterrupt:
            where = f"stopped in {label} after {duration(clock() - begun)}"
            raise StoppedError(f"{where}; {afterwards}") from None
        except BaseException:
            say(f"{label}: failed after {duration(clock() - begun)}; {afterwards}")
            raise
        took[stage.name] = clock() - begun
        say(f"{label}: done in {duration(took[stage.name])}")
    return took


def kept(again: str) -> str:
    """What comes after an interruption where the same command goes on."""
    return f"what is done is kept: `{again}` goes on"


def duration(seconds: float) -> str:
    """A time in words: `0.4 s`, `32 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
