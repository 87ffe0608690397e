"""The article's sequence of commands and `pulumi up`, one after the other on the same sandbox, and the ratio.

`sudo python -m bench.article [--half] [--up-first]`, with a warm toolchain. `--half` stops at 3 of 3 replicas in three
regions, before Istio. Prints wall time, processor time and memory of both, and what `up` waited for.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.article import istio, karmada
from bench.article.terminal import Terminal
from bench.critical_path import critical_path, steps, waits_for
from bench.usage import memory_bytes, processor_seconds
from sandbox.kubernetes import lifecycle
from sandbox.kubernetes.layout import Layout
from tests.e2e.clients import Account, eventually
from tests.e2e.stack import YES, Stack, checked_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME: Final = "bencharticle"
_HELLO: Final = "workloads-submission-hello"


@dataclass(kw_only=True)
class Cost:
    """What one way took: wall time, processor time of the clients and of the sandbox, in seconds; memory at the end."""

    wall: float = 0.0
    clients: float = 0.0
    sandbox: float = 0.0
    memory: int = 0


@contextmanager
def measured(layout: Layout, what: str) -> Iterator[Cost]:
    """Measure what happens within, and print it."""
    cost = Cost()
    begin, clients, sandbox = time.monotonic(), _children(), processor_seconds(layout)
    yield cost
    cost.wall = time.monotonic() - begin
    cost.clients, cost.sandbox = _children() - clients, processor_seconds(layout) - sandbox
    cost.memory = memory_bytes(layout)
    print(
        f"{what}: {cost.wall:.1f} s; processor {cost.clients:.0f} s of clients and {cost.sandbox:.0f} s of the sandbox;"
        f" {cost.memory / 1024**3:.2f} GiB at the end",
        flush=True,
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure both ways."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--half", action="store_true", help="stop before Istio")
    arguments.add_argument("--up-first", action="store_true", help="pulumi up before the article")
    options = arguments.parse_args()
    os.environ["PULUMI_DEBUG_COMMANDS"] = "true"  # for --event-log
    layout = Layout(_NAME)
    lifecycle.down(layout)
    try:
        lifecycle.up(layout, say=print)
        with tempfile.TemporaryDirectory(prefix="fleet-bench-") as scratch:
            costs = {}
            for way in (by_pulumi, by_article) if options.up_first else (by_article, by_pulumi):
                folder = Path(scratch, way.__name__)
                folder.mkdir()
                costs[way] = way(layout, folder, half=options.half)
        ratio = costs[by_article].wall / costs[by_pulumi].wall
        print(f"the article's sequence takes {ratio:.2f} times as long as pulumi up")
    finally:
        lifecycle.down(layout)


def by_article(layout: Layout, folder: Path, *, half: bool) -> Cost:
    """The article's commands, and its clusters deleted again."""
    terminal = Terminal(layout=layout, folder=folder, charts=layout.charts)
    with measured(layout, "article") as cost:
        karmada.run(terminal)
        if not half:
            mesh = checked_in()["mesh"]
            istio.run(terminal, mesh["istiodValues"], mesh["gatewayValues"])
    print(f"article: {terminal.commands} commands, those that only look included")
    account = Account(layout=layout, folder=folder)
    for cluster in account.call("GET", "lke/clusters")["data"]:
        terminal.run("linode-cli", "lke", "cluster-delete", str(cluster["id"]))
    eventually(lambda: account.left() == {}, "the article's clusters are gone")
    return cost


def by_pulumi(layout: Layout, folder: Path, *, half: bool) -> Cost:
    """`pulumi up` from nothing, what it waited for, and `pulumi destroy`."""
    stack = Stack(layout=layout, folder=folder)
    stack.configure(layers=["karmada", "workloads"] if half else ["karmada", "mesh", "workloads"])
    events = folder / "events.json"
    with measured(layout, "pulumi up") as cost:
        stack.run("up", *YES, f"--event-log={events}")
    taken = steps(events)
    last = next(urn for urn in taken if urn.endswith(f"::{_HELLO}"))
    clusters = max(step.ended for urn, step in taken.items() if "linode:index/lkeCluster:LkeCluster" in urn)
    print(f"pulumi up: clusters are there after {clusters:.0f} s, 3 of 3 replicas run after {taken[last].ended:.0f} s")
    print("what 3 of 3 replicas waited for:")
    for step in critical_path(taken, waits_for(stack.exported()["deployment"]["resources"]), last):
        print(f"  {step.began:4.0f} to {step.ended:4.0f} s: {step.name}")
    with measured(layout, "pulumi destroy"):
        stack.destroy()
    return cost


if __name__ == "__main__":
    main()
