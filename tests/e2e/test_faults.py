"""Whatever is killed, a running sandbox mends itself, `up` repairs, and `down` leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.host.processes import recall
from sandbox.clusters.node.machine import Machine
from sandbox.local import lifecycle
from tests.e2e.clients import AccountClient, Cluster, eventually
from tests.e2e.names import own
from tests.e2e.traces import traces

if TYPE_CHECKING:
    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.processes import Running

pytestmark = pytest.mark.privileged


@pytest.fixture(scope="module")
def cluster(account: AccountClient) -> Cluster:
    """One cluster of one node, up."""
    return account.ready(account.create("faulty", region="eu-west", nodes=1))


def unit(layout: Layout, ending: str) -> Running:
    """The running process whose unit's name ends so."""
    [path] = layout.units.glob(f"*{ending}.json")
    running = recall(path)
    assert running is not None
    return running


def works(cluster: Cluster) -> bool:
    """Whether a new pod comes up."""
    name = f"probe-{time.monotonic_ns()}"
    cluster.kubectl("run", name, "--image=docker.io/library/busybox:1.36", "--", "sleep", "60")
    cluster.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=30s")
    cluster.kubectl("delete", f"pod/{name}", "--grace-period=0", "--force")
    return True


@pytest.mark.parametrize(
    "name",
    [
        *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        *("containerd", "kubelet", "kube-proxy", "network-policy"),
    ],
)
def test_a_killed_process_is_started_again_and_its_cluster_works(layout: Layout, cluster: Cluster, name: str) -> None:
    before = unit(layout, name)
    os.kill(before.pid, signal.SIGKILL)
    eventually(lambda: (now := unit(layout, name)).pid != before.pid and now.alive, f"{name} runs again")
    eventually(lambda: works(cluster), f"pods come up after {name} was killed")


def test_a_node_whose_first_process_is_killed_boots_again(layout: Layout, cluster: Cluster) -> None:
    name = cluster.get("nodes")["items"][0]["metadata"]["name"]
    machine = Machine(layout=layout, name=name, folder=layout.root, tools={})
    init = machine.first_process()
    assert init is not None
    os.kill(init, signal.SIGKILL)
    eventually(lambda: unit(layout, "kubelet").alive, "the kubelet runs again")
    eventually(lambda: works(cluster), "pods come up after the node was switched off")


def test_up_repairs_a_sandbox_whose_own_process_was_killed(layout: Layout, cluster: Cluster) -> None:
    daemon = lifecycle.running_daemon(layout)
    assert daemon is not None
    api_server = unit(layout, "kube-apiserver")
    os.kill(daemon.pid, signal.SIGKILL)
    assert works(cluster), "clusters live on without it"
    lifecycle.up(layout, say=print)
    assert unit(layout, "kube-apiserver").pid == api_server.pid, "what runs is kept"
    eventually(lambda: works(cluster), "the cluster works")


def test_up_again_changes_nothing(layout: Layout, cluster: Cluster) -> None:
    before = {path.name: unit(layout, path.stem).pid for path in layout.units.glob("*.json")}
    lifecycle.up(layout, say=print)
    assert {path.name: unit(layout, path.stem).pid for path in layout.units.glob("*.json")} == before


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_up_that_was_killed_in_the_middle_is_repaired_and_leaves_nothing(seconds: float) -> None:
    layout = own("killed")
    before = traces(layout)
    try:
        _command_killed_after(seconds, "up", layout)
        lifecycle.up(layout, say=print)
        assert lifecycle.running_daemon(layout)
    finally:
        lifecycle.down(layout)
    assert traces(layout) == before


@pytest.mark.parametrize("seconds", [0.3, 0.6, 0.9])
def test_down_that_was_killed_in_the_middle_is_completed_by_the_next(seconds: float) -> None:
    layout = own("killed")
    before = traces(layout)
    try:
        lifecycle.up(layout, say=print)
        _command_killed_after(seconds, "down", layout)
    finally:
        lifecycle.down(layout)
    assert traces(layout) == before


def test_cycles_of_up_and_down_with_a_cluster_leave_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    layout = own("cycle")
    before = traces(layout)
    for number in range(2):
        try:
            lifecycle.up(layout, say=print)
            account = AccountClient(layout=layout, folder=tmp_path_factory.mktemp(f"cycle{number}"))
            account.ready(account.create("short", region="eu-west", nodes=1))
        finally:
            lifecycle.down(layout)
        assert traces(layout) == before


def _command_killed_after(seconds: float, command: str, layout: Layout) -> None:
    process = subprocess.Popen([sys.executable, "-m", "sandbox", command, "--name", layout.name])
    time.sleep(seconds)
    process.kill()
    process.wait()
