"""How long `make up` takes by stage, what plugins and the idle fleet hold, and what a call to another region costs.

`sudo python -m bench.up [--idle-seconds 60] [--requests 2000]`, with a warm toolchain. Nothing else should run on the
machine. The sandbox has a name of its own and is always taken down. Calls come from sleep in `us`, first with hello
in the region, then with none: the same loop, so that only the way differs. All regions are on one machine, so the
ratio is what gateways and mutual TLS cost, without any distance.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.clusters import measure
from bench.plugin_memory import PluginMemory
from operations.stages import kept, run_stages
from sandbox.clusters.host.layout import Layout
from sandbox.local import lifecycle
from sandbox.local.stages import stages
from tests import article
from tests.e2e.clients import eventually
from tests.e2e.rights import stay_root
from tests.e2e.running import Fleet
from tests.e2e.stack import Stack

if TYPE_CHECKING:
    from sandbox.verify.member import Member

_NAME: Final = "benchfleet"
_CALLER: Final = "us"
_ELSEWHERE: Final = {"hello": {"weights": {"eu": 1, "ap": 1}}}
_PARALLEL: Final = 8
_TIMEOUT_SECONDS: Final = 300.0
# Whoever has just started is busy with that.
_SETTLE_SECONDS: Final = 30.0


def main() -> None:
    """Measure, and print a line for each figure."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--idle-seconds", type=float, default=60.0)
    arguments.add_argument("--requests", type=int, default=2000)
    options = arguments.parse_args()
    stay_root()
    layout = Layout(_NAME)
    lifecycle.down(layout)
    try:
        with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
            with PluginMemory(layout.root) as memory:
                fleet = Fleet.bring_up(Stack(layout=layout, folder=Path(folder)), say=_say)
            _say(f"while the fleet came up, {memory}")
            again = run_stages(stages(fleet.stack.target, say=_say), say=_say, afterwards=kept("the bench"))
            _report("a second time, with nothing to change", sum(again.values()))
            _idle(layout, options.idle_seconds)
            _calls(fleet, options.requests)
    finally:
        begun = time.monotonic()
        lifecycle.down(layout)
        _report("down", time.monotonic() - begun)


def _say(line: str) -> None:
    print(line, flush=True)


def _report(what: str, seconds: float) -> None:
    _say(f"{what}: {seconds:.1f} s (load {os.getloadavg()[0]:.1f})")


def _idle(layout: Layout, seconds: float) -> None:
    time.sleep(_SETTLE_SECONDS)
    idle = measure(layout, seconds)
    _say(f"idle: {idle.memory_bytes / 1024**3:.2f} GiB, {idle.cores:.2f} cores (load {os.getloadavg()[0]:.1f})")


def _calls(fleet: Fleet, count: int) -> None:
    caller = fleet.members[_CALLER]
    eventually(lambda: article.calls(caller, 10) == Counter({caller.region: 10}), "calls stay in the region")
    near = _measured(caller, "in the region", count)
    caller = fleet.configured(workloads=_ELSEWHERE).members[_CALLER]
    eventually(lambda: caller.region not in article.calls(caller, 10), "calls leave the region")
    far = _measured(caller, "to another region", count)
    rate, time_taken = far[0] / near[0], far[1] / near[1]
    _say(f"to another region against in the region: {rate:.2f} of the requests, {time_taken:.2f} of the time")


def _measured(caller: Member, what: str, count: int) -> tuple[float, float]:
    """Requests per second by several callers at once, and the median milliseconds by a single one."""
    _ask(caller, count // 10, parallel=1)  # Connections are made by the first.
    _, latencies = _ask(caller, count, parallel=1)
    seconds, _ = _ask(caller, count, parallel=_PARALLEL)
    median, high = statistics.median(latencies) * 1000, statistics.quantiles(latencies, n=100)[98] * 1000
    _say(
        f"{what}: {count / seconds:.0f} requests a second by {_PARALLEL} at once; one after the other median "
        f"{median:.1f} ms, 99 % within {high:.1f} ms (load {os.getloadavg()[0]:.1f})"
    )
    return count / seconds, median


def _ask(caller: Member, count: int, *, parallel: int) -> tuple[float, list[float]]:
    """How long so many requests took, all and each, in seconds. Raises CommandError if one fails."""
    # One curl with many URLs keeps its connections, so that starting programs is not what is measured.
    urls = f"'http://{article.HELLO}:{article.HELLO_PORT}/?[1-{count}]'"
    many = f"--parallel --parallel-max {parallel}" if parallel > 1 else ""
    fetch = f"curl --silent --show-error --fail --no-progress-meter {many} --output /dev/null"
    clock = "cut -d' ' -f1 /proc/uptime"
    script = f"{clock}; {fetch} --write-out '%{{time_total}}\n' {urls} || exit; {clock}"
    begun, *each, ended = (
        float(line) for line in caller.shell(article.CALLER, script, timeout_seconds=_TIMEOUT_SECONDS).split()
    )
    return ended - begun, each


if __name__ == "__main__":
    main()
