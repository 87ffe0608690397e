"""How long real clusters take to come up and to go, and what they take while they idle.

`sudo python -m bench.clusters [--clusters 4] [--idle-seconds 60] [--cycles 1]`, with a warm toolchain. Nothing else
should run on the machine. Clients are inside the sandbox, which has a name of its own and is always taken down.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import psutil
from linode_api4 import LinodeClient, LKECluster

from bench.usage import memory_bytes, proportional_set_size
from sandbox.clusters.clients import enter_network
from sandbox.clusters.host import cgroups
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.subprocesses import CommandError, inside, run
from sandbox.clusters.network.plan import LINODE_API
from sandbox.local import lifecycle
from tests.e2e.rights import stay_root
from tests.e2e.traces import traces

_NAME: Final = "bench"
_POLICY_CONTROLLER: Final = "network-policy"
_REGIONS: Final = ("eu-west", "ap-south", "us-west", "us-east")
_TIMEOUT_SECONDS: Final = 300.0
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Idle:
    """What processes take."""

    memory_bytes: int
    """Proportional set size: what several share counts once."""
    cores: float


def main() -> None:
    """Measure, and print a line for each figure."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--clusters", type=int, default=4)
    arguments.add_argument("--idle-seconds", type=float, default=60.0)
    arguments.add_argument("--cycles", type=int, default=1)
    arguments.add_argument("--one-cycle", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    stay_root()
    if options.one_cycle:
        cycle(options.clusters, options.idle_seconds)
        return
    before = traces(Layout(_NAME))
    for _ in range(options.cycles):
        # The measuring process goes into the sandbox's network and cannot come back: each cycle is one of its own.
        subprocess.run([sys.executable, "-m", "bench.clusters", "--one-cycle", *sys.argv[1:]], check=True)
    left = {what: sorted(set(now) - set(before[what])) for what, now in traces(Layout(_NAME)).items()}
    if any(left.values()):
        raise SystemExit(f"left after {options.cycles} cycles: {left}")
    print(f"nothing is left after {options.cycles} cycles", flush=True)


def cycle(clusters: int, idle_seconds: float) -> None:
    """Up, clusters, idle, down."""
    layout = Layout(_NAME)
    lifecycle.down(layout)
    begin = time.monotonic()
    try:
        lifecycle.up(layout, say=lambda _line: None)
        _report("sandbox up", time.monotonic() - begin)
        enter_network(layout)
        _create(layout, clusters)
        _report("clusters created", time.monotonic() - begin)
        nodes = _wait_for_nodes(layout, clusters)
        _report("all nodes Ready", time.monotonic() - begin)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: _wait_for_dns(layout, node), nodes))
        _report("DNS answers everywhere", time.monotonic() - begin)
        if idle_seconds:
            time.sleep(idle_seconds / 2)
            idle = measure(layout, idle_seconds)
            print(f"idle: {idle.memory_bytes / 1024**3:.2f} GiB, {idle.cores:.2f} cores", flush=True)
            print(f"of these for NetworkPolicy, since its start: {policy_controllers(layout)}", flush=True)
    finally:
        begin = time.monotonic()
        lifecycle.down(layout)
        _report("down", time.monotonic() - begin)


def measure(layout: Layout, seconds: float) -> Idle:
    """What the sandbox's processes take over some time."""
    before = _cpu_seconds(layout)
    begin = time.monotonic()
    time.sleep(seconds)
    used = _cpu_seconds(layout)
    elapsed = time.monotonic() - begin
    spent = sum(amount - before.get(pid, 0.0) for pid, amount in used.items())
    return Idle(memory_bytes=memory_bytes(layout), cores=spent / elapsed)


def policy_controllers(layout: Layout) -> str:
    """What enforces NetworkPolicy on the nodes takes of it, with the iptables and ipset that it has called."""
    found = [process for pid in cgroups.members(layout.cgroup) if (process := _process(pid)) is not None]
    memory = sum(proportional_set_size(process.pid) for process in found)
    seconds = sum(sum(process.cpu_times()[:4]) for process in found)
    return f"{memory / 1024**2:.0f} MiB, {seconds:.1f} processor seconds in {len(found)} processes"


def _process(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return process if process.name() == _POLICY_CONTROLLER else None
    except psutil.NoSuchProcess:
        return None


def _report(what: str, seconds: float) -> None:
    print(f"{what}: {seconds:.1f} s", flush=True)


def _client(layout: Layout) -> LinodeClient:
    return LinodeClient(layout.token.read_text(), base_url=f"{LINODE_API}/v4")


def _create(layout: Layout, count: int) -> None:
    client = _client(layout)
    for number in range(count):
        region = _REGIONS[number % len(_REGIONS)]
        pools = [client.lke.node_pool("g6-standard-2", 1)]
        client.lke.cluster_create(region, f"bench-{number}", "1.35", pools)


def _wait_for_nodes(layout: Layout, count: int) -> list[str]:
    client = _client(layout)
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        pools = [pool for cluster in client.lke.clusters() for pool in LKECluster(client, cluster.id).pools]
        nodes = [node for pool in pools for node in pool.nodes]
        if len(nodes) == count and all(node.status == "ready" for node in nodes):
            return [path.name for path in layout.clusters.glob("*/nodes/*")]
        time.sleep(_PAUSE_SECONDS)
    raise TimeoutError("the nodes are not Ready")


def _wait_for_dns(layout: Layout, node: str) -> None:
    question = ["busybox", "nslookup", "kubernetes.default.svc.cluster.local", "10.128.0.10"]
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            run(*inside(layout.node(node), question))
        except CommandError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _cpu_seconds(layout: Layout) -> dict[int, float]:
    found = {}
    for pid in cgroups.members(layout.cgroup):
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        found[pid] = times.user + times.system
    return found


if __name__ == "__main__":
    main()
