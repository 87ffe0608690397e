"""The manager is lost: rebuilt by the program, its Karmada restored from a bucket, and no member's pod notices."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fleet.karmada.users import OPERATOR
from operations.state import access as accesses
from operations.state.access import Access
from sandbox.kubernetes.commands import CommandError, inside
from sandbox.toolchain import tool_path
from sandbox.verify.karmada import all_joined
from tests.e2e.clients import Account, eventually
from tests.e2e.running import wrong
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.kubernetes.layout import Layout
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

PORT = 5555
BUCKET = "fleet-state"
GUEST = Path(__file__).with_name("guest.yaml").read_text()
"""What a user has submitted, of which the program knows nothing."""
_TOOLS = ("etcdctl", "etcdutl", "kubectl")


@pytest.fixture
def bucket(ending_fleet: Fleet, tmp_path: Path) -> Iterator[Path]:
    """A key to a bucket of moto's, inside the sandbox's network."""
    server = Path(sys.executable).with_name("moto_server")
    with (tmp_path / "moto.log").open("w") as log:
        line = inside(ending_fleet.layout.wan, [str(server), "--host=127.0.0.1", f"--port={PORT}"])
        running = subprocess.Popen(line, stdout=log, stderr=log)
    try:
        access = Access(bucket=BUCKET, endpoint=f"http://127.0.0.1:{PORT}", access_key="state", secret_key="state")
        accesses.write(tmp_path / "key.env", access)
        url = f"{access.endpoint}/{BUCKET}"
        put = inside(ending_fleet.layout.wan, ["curl", "--silent", "--fail", "--request", "PUT", url])
        eventually(lambda: subprocess.run(put, check=False).returncode == 0, "moto serves the bucket")
        yield tmp_path / "key.env"
    finally:
        running.terminate()
        running.wait()


def _operations(layout: Layout, *arguments: str) -> str:
    """`python -m operations karmada`, as an operator runs it where the manager can be reached."""
    folders = [str(tool_path(name).parent) for name in _TOOLS]
    environment = {**os.environ, "PATH": os.pathsep.join([*folders, os.environ["PATH"]])}
    line = inside(layout.wan, [sys.executable, "-m", "operations", "karmada", *arguments])
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _pods(fleet: Fleet) -> dict[str, tuple[str, int]]:
    """Every pod of every member outside of Karmada's own namespace: its uid, and how often it has restarted."""
    found: dict[str, tuple[str, int]] = {}
    for name, member in fleet.members.items():
        for pod in member.get("pods", "--all-namespaces")["items"]:
            meta: dict[str, Any] = pod["metadata"]
            if meta["namespace"] != "karmada-system":
                restarts = sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ()))
                found[f"{name}/{meta['namespace']}/{meta['name']}"] = (meta["uid"], restarts)
    return found


def _guests(fleet: Fleet) -> int:
    return sum(len(member.running("guest")) for member in fleet.members.values())


def _uid(fleet: Fleet) -> str:
    found: str = fleet.karmada.view.get("deployment", "guest")["metadata"]["uid"]
    return found


def _reporting(fleet: Fleet, since: datetime) -> bool:
    """Whether every member is Ready by what its agent has said since some moment: a snapshot has conditions as well."""
    leases = fleet.karmada.view.get("leases", "--namespace=karmada-cluster")["items"]
    renewed = {lease["metadata"]["name"]: datetime.fromisoformat(lease["spec"]["renewTime"]) for lease in leases}
    names = set(fleet.members)
    return all(renewed.get(name, since) > since for name in names) and all_joined(fleet.karmada.view, names).holds


def _lose_manager(account: Account) -> None:
    """Delete the manager's cluster behind the program's back, and what it leaves in the account."""
    clusters = account.call("GET", "lke/clusters")["data"]
    [lost] = [cluster["id"] for cluster in clusters if cluster["label"].startswith("cluster-manager-")]
    account.delete(lost)


def _took(begin: float, what: str) -> float:
    """Tell how long a step took, for the documentation; the time now."""
    now = time.monotonic()
    print(f"{what}: {now - begin:.0f} s at a load of {os.getloadavg()[0]:.0f}")
    return now


def test_a_lost_manager_comes_back_with_what_users_had_submitted_and_no_pod_restarts(
    ending_fleet: Fleet, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, layout = ending_fleet.configured(), ending_fleet.layout
    fleet.karmada.kubectl("apply", "--filename=-", stdin=GUEST)
    eventually(lambda: _guests(fleet) == 3, "the guest runs in every region", within_seconds=180)
    store = ["--fleet=sandbox", f"--key={bucket}"]
    manager = f"--kubeconfig={layout.kubeconfigs / 'cluster-manager.kubeconfig'}"
    # As in a snapshot from before the operator's user: whoever restores it has to do without a binding.
    fleet.karmada.kubectl("delete", "clusterrolebinding", OPERATOR)
    begin = time.monotonic()
    _operations(layout, "backup", *store, manager)
    begin = _took(begin, "backup")
    uid, pods = _uid(fleet), _pods(fleet)
    assert sum("/guest-" in pod for pod in pods) == 3, "what is compared later is there"

    begin = time.monotonic()
    _lose_manager(Account(layout=layout, folder=tmp_path))
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    fleet.stack.run("refresh", *YES)
    monkeypatch.delenv("PULUMI_K8S_DELETE_UNREACHABLE")
    begin = _took(begin, "refresh without the manager")
    fleet.up()
    begin = _took(begin, "up, with a new manager")
    assert "guest" not in fleet.karmada.kubectl("get", "deployments", "--output=name"), "the new Karmada is empty"
    assert _pods(fleet) == pods

    begin = time.monotonic()
    # For its address alone: of the user in it the snapshot knows nothing.
    karmada = f"--karmada-kubeconfig={fleet.karmada.kubeconfig}"
    print(_operations(layout, "restore", *store, manager, karmada, "--yes"))
    begin, restored = _took(begin, "restore"), datetime.now(UTC)
    eventually(lambda: _reporting(fleet, restored), "members reconnect and are Ready", within_seconds=300)
    begin = _took(begin, "all members Ready")
    assert _uid(fleet) == uid, "it is the very object that was there"
    with pytest.raises(CommandError, match="Forbidden"):
        fleet.karmada.get("deployments")
    fleet.stack.run("refresh", *YES)
    fleet.up()
    _took(begin, "refresh and up")
    assert fleet.stack.changes() == {}, "nothing is left to do"
    assert _pods(fleet) == pods

    # What came back is alive: a change of it arrives in the members.
    fleet.karmada.kubectl("scale", "deployment/guest", "--replicas=2")
    eventually(lambda: _guests(fleet) == 6, "the guest is scaled in every region", within_seconds=180)
    assert wrong(fleet, tmp_path) == []
    # The tests after this one count on a fleet that runs the program's own workloads alone.
    fleet.karmada.kubectl("delete", "--filename=-", stdin=GUEST)
    eventually(lambda: _guests(fleet) == 0, "the guest is gone from every region", within_seconds=180)
