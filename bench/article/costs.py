"""What one of the two ways takes."""

from __future__ import annotations

import os
import resource
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.usage import memory_bytes, processor_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.clusters.host.layout import Layout


@dataclass(kw_only=True)
class Cost:
    """Wall time, processor time of the clients and of the sandbox, in seconds; memory at the end, in bytes."""

    wall: float = 0.0
    clients: float = 0.0
    sandbox: float = 0.0
    memory: int = 0


@contextmanager
def measured(layout: Layout, what: str) -> Iterator[Cost]:
    """Measure what happens within, and print it with the machine's load at its end."""
    cost = Cost()
    begin, clients, sandbox = time.monotonic(), _children(), processor_seconds(layout)
    yield cost
    cost.wall = time.monotonic() - begin
    cost.clients, cost.sandbox = _children() - clients, processor_seconds(layout) - sandbox
    cost.memory = memory_bytes(layout)
    print(
        f"{what}: {cost.wall:.1f} s; processor {cost.clients:.0f} s of clients and {cost.sandbox:.0f} s of the sandbox;"
        f" {cost.memory / 1024**3:.2f} GiB at the end (load {os.getloadavg()[0]:.1f})",
        flush=True,
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
