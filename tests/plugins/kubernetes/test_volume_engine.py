"""A destroyed stack leaves no volume of etcd's at Linode, whose driver needs the cluster for longer than its claims do.

The API server and Kubernetes' own controllers are real, the account is emulated, and the driver is the sandbox's.
"""

from __future__ import annotations

import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from kubernetes import client
from linode_api4 import LinodeClient
from linode_api4.errors import ApiError
from urllib3.exceptions import HTTPError

from fleet.karmada.volume import HOLDER
from sandbox.clusters.api import addons
from sandbox.clusters.cloud_controller.args import CloudControllerArgs
from sandbox.clusters.cloud_controller.volumes import VolumeController
from sandbox.linode.limits import UNLIMITED
from sandbox.linode.server import LinodeApi, LinodeApiArgs
from tests.plugins.engine import Stack
from tests.plugins.kubernetes.control_plane import ControlPlane
from tests.unit.configs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

LIMIT_SECONDS = 300.0
MISTAKES = (client.ApiException, HTTPError, ApiError, requests.RequestException, OSError)
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "statefulset-controller",
)
STATEFUL_SET = """
    apiVersion: apps/v1
    kind: StatefulSet
    metadata:
      name: etcd
      annotations: {generation: "{{ .Values.generation }}"}
    spec:
      serviceName: etcd
      selector: {matchLabels: {app: etcd}}
      template:
        metadata: {labels: {app: etcd}}
        spec: {containers: [{name: etcd, image: etcd}]}
      volumeClaimTemplates:
        - metadata: {name: etcd-data}
          spec:
            accessModes: [ReadWriteOnce]
            storageClassName: {{ .Values.storageClass }}
            resources: {requests: {storage: 10Gi}}
"""
PROGRAM = """
    import pulumi
    import pulumi_kubernetes as k8s
    from fleet.karmada.volume import EtcdVolume, EtcdVolumeArgs

    config = pulumi.Config()
    host = k8s.Provider("host", kubeconfig=config.require_secret("kubeconfig"), cluster_identifier="test")
    on_host = pulumi.ResourceOptions(provider=host)
    # It goes with its cluster, which nobody deletes here.
    namespace = k8s.core.v1.Namespace("namespace", metadata={{"name": "karmada-system"}},
        opts=pulumi.ResourceOptions(provider=host, retain_on_delete=True))
    release = k8s.helm.v3.Release(
        "release", name="karmada", chart={chart!r}, namespace=namespace.metadata.name,
        # There is no node for its pod.
        skip_await=True,
        values={{"storageClass": {storage_class!r}, "generation": config.get("generation") or "1"}}, opts=on_host)
    if config.get_bool("former"):
        kept = pulumi.ResourceOptions(
            parent=pulumi.ComponentResource("fleet:karmada:EtcdVolume", "volume"),
            provider=host, retain_on_delete=True, depends_on=[release])
        claim = k8s.core.v1.PersistentVolumeClaimPatch("volume-claim", opts=kept, metadata={{
            "name": "etcd-data-etcd-0", "namespace": "karmada-system",
            "annotations": {{"fleet/store": "etcd", "pulumi.com/waitFor": "jsonpath={{.spec.volumeName}}"}}}})
        k8s.core.v1.PersistentVolumePatch("volume-owned", opts=kept, metadata={{
            "name": claim.spec.apply(lambda spec: (spec and spec.volume_name) or "the-volume-of-etcd"),
            "ownerReferences": [{{"apiVersion": "v1", "kind": "Namespace", "name": namespace.metadata.name,
                                  "uid": namespace.metadata.uid, "blockOwnerDeletion": True}}]}})
    if config.get_bool("owned"):
        EtcdVolume("volume", EtcdVolumeArgs(
            namespace=namespace, release=release, host=host, is_there=config.get_bool("there") or False,
            held=not config.get_bool("former-was-there"),
            storage={{"storageClass": {storage_class!r}, "size": "10Gi"}}))
"""


class Driver:
    """The sandbox's storage driver, for as long as its cluster is there."""

    def __init__(self, account: LinodeClient, api: client.ApiClient, folder: Path) -> None:
        self._core, self._storage = client.CoreV1Api(api), client.StorageV1Api(api)
        args = CloudControllerArgs(
            cluster_id=1,
            region="eu-west",
            api=api,
            linode=account,
            pods=lambda _name: None,
            volumes=folder,
            attached=folder.joinpath,
        )
        self._controller = VolumeController(self._core, args)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Driver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(0.5):
            try:
                self._controller.sync(
                    self._core.list_persistent_volume_claim_for_all_namespaces().items,
                    self._core.list_persistent_volume().items,
                    self._storage.list_storage_class().items,
                )
            except MISTAKES:
                # As the sandbox's cloud controller does, it tries again.
                continue


class Cluster:
    """A cluster that may be deleted, and the account that it is in."""

    def __init__(self, account: LinodeClient, control_plane: ControlPlane, stack: Stack, chart: Path) -> None:
        self._account = account
        self._control_plane = control_plane
        self._chart = chart
        self.stack = stack
        stack.secret_config("kubeconfig", control_plane.kubeconfig)

    def program(self, storage_class: str) -> None:
        """Write the program of the stack."""
        self.stack.program(PROGRAM.format(chart=str(self._chart), storage_class=storage_class))

    def volumes(self) -> list[str]:
        """The labels of the account's volumes."""
        return [volume["label"] for volume in self._account.get("/volumes")["data"]]

    def until_there_is_a_volume(self) -> None:
        """Wait for the driver."""
        limit = time.monotonic() + LIMIT_SECONDS
        while not self.volumes():
            assert time.monotonic() < limit, "the driver provides nothing"
            time.sleep(0.5)
        time.sleep(2)

    def owners(self) -> list[str]:
        """The names of what owns the only volume's object."""
        with self._control_plane.client() as api:
            found: Any = client.CoreV1Api(api).list_persistent_volume().items
        [volume] = found
        return [owner.name for owner in volume.metadata.owner_references or []]


@pytest.fixture
def cluster(tmp_path: Path, plugin_home: Path) -> Iterator[Cluster]:
    templates = tmp_path / "chart" / "templates"
    templates.mkdir(parents=True)
    (templates / "etcd.yaml").write_text(textwrap.dedent(STATEFUL_SET))
    (tmp_path / "chart" / "Chart.yaml").write_text("{apiVersion: v2, name: chart, version: 1.0.0}")
    stack = Stack(tmp_path / "stack", home=plugin_home, environment={"PYTHONPATH": str(ROOT)})
    (tmp_path / "volumes").mkdir()
    (tmp_path / "control-plane").mkdir()
    with (
        LinodeApi(LinodeApiArgs(limits=UNLIMITED)) as linode,
        ControlPlane(tmp_path / "control-plane") as control_plane,
        control_plane.client() as api,
    ):
        # Each thread has a session of its own.
        account, drivers = (LinodeClient(linode.token, base_url=f"{linode.url}/v4") for _ in range(2))
        storage = client.StorageV1Api(api)
        classes: Any = addons()
        for document in classes:
            if document["kind"] == "StorageClass":
                storage.create_storage_class(document)
        control_plane.control(*CONTROLLERS)
        with Driver(drivers, api, tmp_path / "volumes"):
            yield Cluster(account, control_plane, stack, tmp_path / "chart")


def test_without_an_owner_the_volume_outlives_the_destroyed_stack(cluster: Cluster) -> None:
    cluster.program("linode-block-storage")
    cluster.stack.up()
    cluster.until_there_is_a_volume()
    cluster.stack.destroy()
    assert len(cluster.volumes()) == 1, "this is what the holder owns it for; with the cluster gone it is an orphan"


def test_the_volume_of_a_fleet_that_runs_is_owned_by_an_update_and_gone_when_destroy_ends(cluster: Cluster) -> None:
    stack = cluster.stack
    cluster.program("linode-block-storage")
    stack.config("former", "true")
    stack.up()
    cluster.until_there_is_a_volume()
    stack.up()
    before = cluster.volumes()
    assert cluster.owners() == ["karmada-system"]
    stack.config("former", "false")
    for key in ("owned", "there", "former-was-there"):
        stack.config(key, "true")
    planned = stack.preview()
    assert planned.errors == []
    assert (planned.operations["volume-claim"], planned.operations["volume-owned"]) == (["update"], ["update"])
    stack.up()
    assert (cluster.owners(), cluster.volumes()) == ([HOLDER], before)
    stack.config("former-was-there", "false")
    assert {operation for done in stack.up().operations.values() for operation in done} == {"same"}
    assert stack.preview("--refresh", "--expect-no-changes").errors == []
    stack.config("generation", "2")
    assert stack.up().operations["release"] == ["update"]
    assert (cluster.owners(), cluster.volumes()) == ([HOLDER], before)
    stack.destroy()
    assert cluster.volumes() == []


def test_a_new_fleets_volume_is_owned_from_the_start_and_the_next_update_changes_nothing(cluster: Cluster) -> None:
    stack = cluster.stack
    cluster.program("linode-block-storage")
    stack.config("owned", "true")
    assert stack.preview().errors == []
    stack.up()
    assert cluster.owners() == [HOLDER]
    assert len(cluster.volumes()) == 1, "the StatefulSet takes the claim that is there"
    stack.config("there", "true")
    assert {operation for done in stack.up().operations.values() for operation in done} == {"same"}
    assert stack.preview("--refresh", "--expect-no-changes").errors == []
    stack.destroy()
    assert cluster.volumes() == []


def test_a_volume_of_the_retaining_class_stays_at_linode_and_holds_nobody_up(cluster: Cluster) -> None:
    cluster.program("linode-block-storage-retain")
    cluster.stack.config("owned", "true")
    cluster.stack.up()
    cluster.stack.destroy()
    assert len(cluster.volumes()) == 1
