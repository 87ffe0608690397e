"""Which node has a volume."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from sandbox.clusters.cloud_controller import attachments
from sandbox.clusters.cloud_controller.attachments import AttachmentController
from sandbox.clusters.host.delays import DETACHING_SECONDS
from sandbox.clusters.node.node import DISKS

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clusters.cloud_controller.objects import Object

VOLUME = "pvc0f1e2d3c4b5a69788796a5b4c3d2"


class Clock:
    """Time, as the controller sees it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def pod(node: str | None, *, created: int, phase: str = "Pending") -> dict[str, Any]:
    """A pod with the claim `data`."""
    return {
        "metadata": {"name": f"pod-{created}", "creationTimestamp": f"2026-11-28T11:00:0{created}Z"},
        "spec": {
            "nodeName": node,
            "volumes": [{"name": "x", "emptyDir": {}}, {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
        },
        "status": {"phase": phase},
    }


class Cluster:
    """Pods of one namespace, and who has the volume of their claim."""

    def __init__(self, folder: Path, *nodes: str) -> None:
        self.pods: list[dict[str, Any]] = []
        self.nodes = list(nodes)
        self.bound = True
        self._folder = folder
        core: Any = self
        self._controller = AttachmentController(core, folder.joinpath, DETACHING_SECONDS)

    def list_namespaced_pod(self, namespace: str, **_: object) -> Object:
        assert namespace == "shop"
        return type("Answer", (), {"data": json.dumps({"items": self.pods})})

    def holders(self) -> list[str]:
        """The nodes that have the volume, after another look of the controller's."""
        claim = client.V1ObjectReference(namespace="shop", name="data") if self.bound else None
        volume = client.V1PersistentVolume(
            metadata=client.V1ObjectMeta(name=VOLUME), spec=client.V1PersistentVolumeSpec(claim_ref=claim)
        )
        self._controller.sync([volume], self.nodes)
        links = {node: self._folder / node / VOLUME for node in ("one", "two")}
        assert all(str(link.readlink()) == f"{DISKS}/{VOLUME}" for link in links.values() if link.is_symlink())
        return [node for node, link in links.items() if link.is_symlink()]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(attachments, "time", own)
    return own


def test_a_second_node_has_a_volume_only_after_the_first_ones_pod_is_gone_and_it_is_detached(
    clock: Clock, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, "one", "two")
    assert cluster.holders() == [], "nobody uses it"
    cluster.pods = [pod("two", created=2), pod("one", created=1, phase="Running"), pod(None, created=0)]
    assert cluster.holders() == ["one"], "who came first has it"
    clock.now += 10 * DETACHING_SECONDS
    assert cluster.holders() == ["one"], "for as long as that pod is there"
    del cluster.pods[1]
    assert cluster.holders() == ["one"]
    clock.now += DETACHING_SECONDS - 1
    assert cluster.holders() == ["one"]
    clock.now += 1
    assert cluster.holders() == ["two"]


def test_a_pod_that_comes_back_to_its_node_before_the_volume_is_detached_keeps_it(clock: Clock, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, "one", "two")
    for _ in range(3):
        cluster.pods = [pod("one", created=1)]
        assert cluster.holders() == ["one"]
        cluster.pods = []
        assert cluster.holders() == ["one"]
        clock.now += DETACHING_SECONDS - 1


def test_an_older_pod_that_finds_its_node_later_waits_as_any_other(clock: Clock, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, "one", "two")
    cluster.pods = [pod(None, created=1), pod("one", created=2)]
    assert cluster.holders() == ["one"]
    cluster.pods = [pod("two", created=1), pod("one", created=2)]
    clock.now += 2 * DETACHING_SECONDS
    assert cluster.holders() == ["one"]


def test_a_pod_that_has_ended_holds_nothing(clock: Clock, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, "one", "two")
    cluster.pods = [pod("one", created=1)]
    assert cluster.holders() == ["one"]
    cluster.pods = [pod("one", created=1, phase="Succeeded"), pod("two", created=2)]
    cluster.holders()
    clock.now += DETACHING_SECONDS
    assert cluster.holders() == ["two"]


def test_the_only_node_has_every_volume_at_once_and_none_that_is_gone(clock: Clock, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, "one")
    assert cluster.holders() == ["one"]
    clock.now += 2 * DETACHING_SECONDS
    assert cluster.holders() == ["one"]
    cluster.bound = False
    assert cluster.holders() == []


def test_a_node_that_is_gone_has_let_go(clock: Clock, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, "one", "two")
    cluster.pods = [pod("one", created=1)]
    assert cluster.holders() == ["one"]
    cluster.nodes, cluster.pods = ["two"], [pod("two", created=2)]
    (tmp_path / "one" / VOLUME).unlink()  # with the node's folder
    assert cluster.holders() == ["two"]
    assert clock.now == 1000.0
