"""What NodeBalancers as processes cost: memory of each, time to make, change and delete one, and latency.

`sudo python -m bench.balancers [--balancers 6] [--rounds 5]`. No cluster: a node is a namespace with a server in it.
The latency through a NodeBalancer is compared with that of the same node called directly, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import psutil

from sandbox.clusters.balancers.backend import ProcessBalancers
from sandbox.clusters.host import preflight
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.processes import recall
from sandbox.clusters.host.subprocesses import inside, run
from sandbox.clusters.host.supervision import Supervisor
from sandbox.clusters.network.links import attach, delete_namespace, ensure_wan
from sandbox.linode.balancers import BalancerSpec, CheckSpec, PortSpec, TargetSpec
from tests.e2e import endpoints
from tests.e2e.rights import stay_root

if TYPE_CHECKING:
    from collections.abc import Callable

_NODE: Final = IPv4Address("198.51.100.10")
_PORT: Final = 30080
_CALLS: Final = 300
_CHECK: Final = CheckSpec(kind="connection", interval=5, timeout=3, attempts=2, path="", body="", passive=False)


def main() -> None:
    """Measure, and print a line for each figure."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--balancers", type=int, default=6)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    stay_root()
    preflight.check_root()
    preflight.install_packages()
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        os.environ["FLEET_STATE_HOME"] = folder
        layout = Layout("bench")
        for needed in (layout.logs, layout.units):
            needed.mkdir(parents=True)
        supervisor = Supervisor(layout)
        ensure_wan(layout.wan)
        attach(layout.node("node"), address=_NODE, wan=layout.wan)
        line = [sys.executable, endpoints.__file__, "serve", "node", str(_PORT), os.devnull]
        server = subprocess.Popen(inside(layout.node("node"), line))
        try:
            _measure(layout, ProcessBalancers(layout, supervisor), options.balancers, options.rounds)
        finally:
            server.kill()
            server.wait()
            supervisor.drop(supervisor.names("nodebalancer"))
            for namespace in layout.namespaces():
                delete_namespace(namespace)


def _measure(layout: Layout, backend: ProcessBalancers, count: int, rounds: int) -> None:
    specs = [_spec(number) for number in range(count)]
    print(f"load {os.getloadavg()[0]:.0f}", flush=True)

    def reconcile(wanted: list[BalancerSpec]) -> float:
        return _seconds(lambda: asyncio.run(backend.reconcile(wanted)))

    made = [reconcile(specs[: number + 1]) for number in range(count)]
    print(f"made: {statistics.median(made):.2f} s each, {count} of them", flush=True)
    changed = []
    for number in range(count):
        more = replace(specs[number], ports=(*specs[number].ports, replace(specs[number].ports[0], port=443)))
        specs[number] = more
        changed.append(reconcile(specs))
    print(f"changed: {statistics.median(changed):.2f} s each", flush=True)
    sizes = [_memory(layout, spec.id) / 1024**2 for spec in specs]
    print(f"memory: {statistics.median(sizes):.1f} MiB each, {sum(sizes):.1f} MiB in all", flush=True)
    direct = [_latency(layout, str(_NODE), _PORT)]
    through = [_latency(layout, specs[0].address, 80)]
    for _ in range(rounds - 1):
        direct.append(_latency(layout, str(_NODE), _PORT))
        through.append(_latency(layout, specs[0].address, 80))
    for kind, what in {"new": "a new connection with an answer", "same": "an answer on an open connection"}.items():
        without, with_ = (statistics.median(entry[kind] for entry in found) for found in (direct, through))
        print(f"{what}: {with_ * 1e6:.0f} us, directly {without * 1e6:.0f} us: {with_ / without:.2f} times", flush=True)
    print(f"deleted: {reconcile([]) / count:.2f} s each", flush=True)


def _spec(number: int) -> BalancerSpec:
    target = TargetSpec(address=f"{_NODE}:{_PORT}", weight=100, mode="accept")
    port = PortSpec(
        port=80,
        protocol="tcp",
        algorithm="roundrobin",
        stickiness="none",
        proxy_protocol="none",
        check=_CHECK,
        targets=(target,),
    )
    return BalancerSpec(id=number + 1, address=f"203.0.113.{number + 10}", connections_a_second=0, ports=(port,))


def _memory(layout: Layout, balancer_id: int) -> int:
    """Proportional set size of its processes."""
    running = recall(layout.units / f"nodebalancer{balancer_id}.json")
    if running is None:
        raise LookupError(f"the NodeBalancer {balancer_id} does not run")
    first = psutil.Process(running.pid)
    return sum(int(process.memory_full_info().pss) for process in [first, *first.children()])


def _latency(layout: Layout, address: str, port: int) -> dict[str, float]:
    line = [sys.executable, endpoints.__file__, "measure", address, str(port), str(_CALLS)]
    found: dict[str, float] = json.loads(run(*inside(layout.wan, line)))
    return found


def _seconds(work: Callable[[], None]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


if __name__ == "__main__":
    main()
