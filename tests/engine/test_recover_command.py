"""`python -m sandbox recover` after a real engine was killed while it was creating a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from sandbox.engine.project import CHECKOUT
from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs
from sandbox.linode.simulated import Pace, SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.engine import Workspace

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_linode as linode

# A provider that needs no cluster, so that its plugin is there too.
files = pulumi.ResourceOptions(provider=kubernetes.Provider("files", render_yaml_to_directory="rendered"))
kubernetes.core.v1.ConfigMap("told", data={"a": "1"}, opts=files)
linode.LkeCluster(
    "eu",
    label="eu-x4f2",
    region="eu-west",
    k8s_version="1.35",
    pools=[linode.LkeClusterPoolArgs(type="g6-standard-2", count=1)],
)
"""
WAIT_SECONDS = 120.0
READY_SECONDS = 25.0
"""Long enough that the engine is killed in between, and short enough that a plugin that lives on sees it."""


@pytest.fixture
def account() -> Iterator[LinodeApi]:
    """An account whose clusters take their time."""
    with LinodeApi(LinodeApiArgs(backend=SimulatedBackend(Pace(ready=READY_SECONDS)), limits=UNLIMITED)) as api:
        yield api


class User:
    """Someone at a shell, with an account and a project."""

    def __init__(self, workspace: Workspace, account: LinodeApi) -> None:
        self._places = ["--project", str(workspace.project.folder), "--state", str(workspace.folder)]
        self._environment = os.environ | {"LINODE_URL": account.url, "LINODE_TOKEN": account.token}

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        """Start `python -m sandbox COMMAND -- ARGUMENTS`."""
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "sandbox", command, *self._places, "--plugins", "offline"),
                *(["--", *arguments] if arguments else []),
            ],
            cwd=CHECKOUT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str, *arguments: str) -> str:
        """Run it to its end, which has to be a good one."""
        with self.start(command, *arguments) as process:
            said, _ = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0, said
        return said


def eventually(claim: Callable[[], bool], what: str) -> None:
    """Wait for a bounded time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not claim():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def left_by(workspace: Workspace) -> list[str]:
    """What the engines that worked on a state have left running."""
    processes = psutil.process_iter(["name", "environ"])
    return [
        one.info["name"]
        for one in processes
        if (one.info["environ"] or {}).get("PULUMI_BACKEND_URL") == workspace.backend
    ]


def labels(account: LinodeApi) -> list[str]:
    """The account's clusters."""
    answer = httpx.get(f"{account.url}/v4/lke/clusters", headers={"Authorization": f"Bearer {account.token}"})
    return [cluster["label"] for cluster in answer.json()["data"]]


def test_a_cluster_that_a_killed_engine_was_creating_is_taken_into_the_state_and_can_be_destroyed(
    workspace: Workspace, account: LinodeApi
) -> None:
    (workspace.project.folder / "__main__.py").write_text(PROGRAM)
    user = User(workspace, account)
    update = ("up", "--yes", "--skip-preview", "--non-interactive")
    with user.start("pulumi", *update) as process:
        eventually(lambda: labels(account) == ["eu-x4f2"], "the cluster is being created")
        eventually(lambda: (workspace.project.folder / "rendered").exists(), "the Kubernetes plugin works")
        below = psutil.Process(process.pid).children(recursive=True)
        [engine] = [child for child in below if child.name() == "pulumi"]
        engine.send_signal(signal.SIGKILL)
        process.communicate(timeout=WAIT_SECONDS)
    assert labels(account) == ["eu-x4f2"], "it costs money, and the stack does not know of it"

    said = user.run("recover")
    assert "eu was being created" in said
    assert left_by(workspace) == [], "the plugins have ended as well"
    assert " 4 unchanged" in user.run("pulumi", *update), "it is the stack's own now"
    user.run("pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive")
    assert labels(account) == []


def test_a_stack_with_nothing_to_recover_stays_as_it_is(workspace: Workspace, account: LinodeApi) -> None:
    user = User(workspace, account)
    update = ("up", "--yes", "--skip-preview", "--non-interactive")
    user.run("pulumi", *update)
    assert "nothing was being created" in user.run("recover")
    assert " 2 unchanged" in user.run("pulumi", *update)
