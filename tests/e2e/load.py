"""Constant, bounded load from sleep, and what became of every call."""

from __future__ import annotations

import contextlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from operations.claims import NO_ANSWER, region
from tests.article import CALLER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.verify.member import Member

LONGEST_SECONDS: Final = 1800
PAUSE_SECONDS: Final = 0.1
CALL_SECONDS: Final = 5
_STOP: Final = "/dev/shm/stop"  # in a container that the test alone uses


@dataclass
class Outcomes:
    """Every call of one load in its order: when it began, in seconds since the host's start, and who answered."""

    calls: list[tuple[float, str]] = field(default_factory=list)

    @property
    def failed(self) -> list[tuple[float, str]]:
        """The calls that nobody answered, with what curl or Envoy said instead."""
        return [(at, answer) for at, answer in self.calls if region(answer) == NO_ANSWER]

    @property
    def regions(self) -> Counter[str]:
        """How many calls each region answered, and how many nobody did."""
        return Counter(region(answer) for _, answer in self.calls)

    @property
    def disturbed_seconds(self) -> float:
        """From the first call that failed to the last one."""
        times = [at for at, _ in self.failed]
        return max(times) - min(times) if times else 0.0

    def __str__(self) -> str:
        return (
            f"{len(self.failed)} of {len(self.calls)} calls failed, within {self.disturbed_seconds:.1f} s; "
            f"answered by {dict(self.regions)}; {self.failed[:3]}"
        )


@contextlib.contextmanager
def load(member: Member) -> Iterator[Outcomes]:
    """Call hello from a member's sleep, one call after the other and at most ten a second, until the block ends."""
    outcomes = Outcomes()
    fetch = f"curl --silent --show-error --max-time {CALL_SECONDS} hello:5000 2>&1 | tr -d '\\n'"
    # All containers read the same clock: the host's.
    call = f'read -r at idle < /proc/uptime; echo "$at $({fetch})"; sleep {PAUSE_SECONDS}'
    most = int(LONGEST_SECONDS / PAUSE_SECONDS)
    script = f"rm -f {_STOP}; for call in $(seq {most}); do [ -e {_STOP} ] && exit; {call}; done"
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(member.shell, CALLER, script, timeout_seconds=LONGEST_SECONDS + 60.0)
        try:
            yield outcomes
        finally:
            member.shell(CALLER, f"touch {_STOP}")
            for line in running.result().splitlines():
                at, _, answer = line.partition(" ")
                outcomes.calls.append((float(at), answer))
