"""When the storage driver deletes volumes at Linode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client
from linode_api4 import LinodeClient

from sandbox.clusters.cloud_controller import volumes
from sandbox.clusters.cloud_controller.args import CloudControllerArgs
from sandbox.clusters.cloud_controller.volumes import FINALIZER, VolumeController
from sandbox.clusters.host.delays import DETACHING_SECONDS
from sandbox.linode.limits import UNLIMITED
from sandbox.linode.server import LinodeApi, LinodeApiArgs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.clusters.cloud_controller.objects import Object

NAME = "pvc0f1e2d3c4b5a69788796a5b4c3d2"


class Core:
    """The part of an API server that the driver writes to; it has one volume, or none any more."""

    def __init__(self, kept: Object) -> None:
        self.kept = kept

    def delete_persistent_volume(self, name: str) -> None:
        assert name == NAME
        self.kept.metadata.deletion_timestamp = "2026-11-28T11:00:00Z"

    def patch_persistent_volume(self, name: str, patch: dict[str, Any], **_: str) -> None:
        assert name == NAME
        self.kept.metadata.finalizers = patch["metadata"]["finalizers"]


class Clock:
    """Time, as the driver sees it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(volumes, "time", own)
    return own


@pytest.fixture
def account() -> Iterator[LinodeClient]:
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED)) as api:
        yield LinodeClient(api.token, base_url=f"{api.url}/v4")


def released(policy: str) -> Object:
    """A volume whose claim is gone."""
    return client.V1PersistentVolume(
        metadata=client.V1ObjectMeta(name=NAME, finalizers=[FINALIZER], resource_version="1"),
        spec=client.V1PersistentVolumeSpec(persistent_volume_reclaim_policy=policy),
        status=client.V1PersistentVolumeStatus(phase="Released"),
    )


def test_a_volume_goes_only_when_linode_has_detached_it(account: LinodeClient, clock: Clock, tmp_path: Path) -> None:
    account.volume_create(NAME, region="eu-west", size=10)
    unused: Any = None
    args = CloudControllerArgs(
        cluster_id=1,
        region="eu-west",
        api=unused,
        linode=account,
        pods=lambda _name: None,
        volumes=tmp_path,
        attached=tmp_path.joinpath,
    )
    volume = released("Delete")
    core: Any = Core(volume)
    driver = VolumeController(core, args)

    def look() -> tuple[int, list[str], bool]:
        driver.sync([], [volume], [])
        return len(account.volumes()), volume.metadata.finalizers, driver.is_detaching

    assert look() == (1, [FINALIZER], False), "first its object is told to go"
    assert look() == (1, [FINALIZER], True), "a cluster that is deleted now leaves it in the account for ever"
    clock.now += DETACHING_SECONDS - 1
    assert look() == (1, [FINALIZER], True)
    clock.now += 1
    assert look() == (0, [], False)
