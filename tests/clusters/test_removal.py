"""What is removed with a node and with a cluster, on plain folders for control groups."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.clusters import cluster
from sandbox.clusters.cluster import Cluster, ClusterArgs
from sandbox.clusters.control_plane.control_plane import ControlPlane
from sandbox.clusters.host import cgroups
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.provisions import Provisions
from sandbox.clusters.host.supervision import Supervisor
from sandbox.clusters.node import machine, node
from sandbox.clusters.node.node import NodeError, nodes_folder, remove_node

if TYPE_CHECKING:
    from pathlib import Path

PROVISIONS = Provisions(programs={}, images="/nothing")
NODE = "lke1-2-abc"
OTHERS = [
    "daemon.log",
    "etcd.log",
    "lke1-2-abcd.machine.log",
    "lke1.kube-apiserver.log",
    "lke1.lke1-2-abcd.kubelet.log",
]


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The control groups of the sandbox, with two nodes and a pod on each."""
    monkeypatch.setattr(cgroups, "_MOUNT", tmp_path / "cgroup")
    for module in (machine, node):
        monkeypatch.setattr(module, "_STOP_SECONDS", 0.3)
    sandbox = tmp_path / "cgroup/fleet/test"
    for name in (NODE, f"{NODE}d"):
        (sandbox / name / "kubepods/burstable/pod1").mkdir(parents=True)
        (sandbox / name / "machine").mkdir()
    (tmp_path / "cgroup/cgroup.controllers").touch()
    return sandbox


@pytest.fixture
def control_plane(tmp_path: Path, groups: Path, monkeypatch: pytest.MonkeyPatch) -> ControlPlane:
    """Of cluster 1, whose two nodes have files and logs."""
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path))
    layout = Layout("test")
    control_plane = ControlPlane(layout, PROVISIONS, 1, IPv4Address(0))
    layout.logs.mkdir(parents=True)
    own = [f"{NODE}.machine.log", *(f"lke1.{NODE}.{program}.log" for program in ("containerd", "kubelet"))]
    for name in (*own, *OTHERS):
        (layout.logs / name).touch()
    for name in (NODE, f"{NODE}d"):
        (nodes_folder(control_plane) / name / "rootfs").mkdir(parents=True)
    return control_plane


def logs(control_plane: ControlPlane) -> list[str]:
    return sorted(path.name for path in control_plane.layout.logs.iterdir())


def test_a_removed_node_leaves_no_control_group_no_log_and_no_file_and_takes_none_of_others(
    control_plane: ControlPlane, groups: Path
) -> None:
    remove_node(control_plane, NODE)
    assert [path.name for path in groups.iterdir()] == [f"{NODE}d"]
    assert (groups / f"{NODE}d/kubepods/burstable/pod1").exists()
    assert logs(control_plane) == OTHERS
    assert [path.name for path in nodes_folder(control_plane).iterdir()] == [f"{NODE}d"]
    remove_node(control_plane, NODE)


def test_what_still_runs_in_a_removed_nodes_groups_is_ended(control_plane: ControlPlane, groups: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as orphan:
        try:
            # A folder with a file in it cannot be removed, as a group in use cannot.
            (groups / NODE / "kubepods/cgroup.procs").write_text(str(orphan.pid))
            with pytest.raises(NodeError, match=rf"{NODE} is not wholly gone: left are .*{NODE}"):
                remove_node(control_plane, NODE)
            assert orphan.wait(timeout=10) < 0
        finally:
            orphan.kill()
    assert (nodes_folder(control_plane) / NODE).exists(), "by its folder it is found again"


def test_a_nodes_folder_that_stays_is_told_of(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(NodeError, match="Operation not permitted"):
        remove_node(control_plane, NODE)


def test_a_deleted_cluster_leaves_no_log(
    control_plane: ControlPlane, groups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = control_plane.layout
    (layout.logs / "lke12.kube-apiserver.log").touch()
    monkeypatch.setattr(cluster, "Etcd", lambda *_: SimpleNamespace(delete_prefix=lambda _: None))
    no_client: Any = None
    args = ClusterArgs(layout=layout, supervisor=Supervisor(layout), provisions=PROVISIONS, linode=no_client)
    Cluster(1, args).delete()
    assert logs(control_plane) == ["daemon.log", "etcd.log", "lke12.kube-apiserver.log"]
    assert list(groups.iterdir()) == []
    assert not control_plane.folder.exists()
