"""Persistent volumes as Linode's driver provides them: a Block Storage volume at Linode behind each.

A volume is a folder of the sandbox, which one node of its cluster has at a time (attachments.py). Its size is not
enforced. In the account it is attached to no Linode, but takes as long to go as one that is.
"""

from __future__ import annotations

import math
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

from kubernetes.utils.quantity import parse_quantity
from linode_api4 import Volume

from sandbox.clusters.node.node import VOLUMES

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

    from sandbox.clusters.cloud_controller.args import CloudControllerArgs
    from sandbox.clusters.cloud_controller.objects import Object

PROVISIONER: Final = "linodebs.csi.linode.com"
# Finalizer of this provisioner: the folder and the volume at Linode go before the object does.
FINALIZER: Final = "external-provisioner.volume.kubernetes.io/finalizer"
_GIB: Final = 1024**3
# https://techdocs.akamai.com/linode-api/reference/post-volume: the smallest volume there is.
_SMALLEST_GIB: Final = 10


class VolumeController:
    """Provides volumes for claims, and reclaims them."""

    def __init__(self, core: CoreV1Api, args: CloudControllerArgs) -> None:
        self._core = core
        self._args = args
        self._released: dict[str, float] = {}
        """By volume, since when nobody uses it."""

    @property
    def is_detaching(self) -> bool:
        """Whether volumes are about to go, and somebody has to look again soon."""
        return bool(self._released)

    def sync(
        self,
        claims: list[Object],
        volumes: list[Object],
        classes: list[Object],
    ) -> None:
        """See that every claim has its volume, and that released ones go.

        Raises ApiException, ApiError or OSError if an API refused or does not answer, or a folder cannot be made.
        """
        ours = {item.metadata.name: item for item in classes if item.provisioner == PROVISIONER}
        existing = {volume.metadata.name for volume in volumes}
        for claim in claims:
            storage_class = ours.get(claim.spec.storage_class_name or "")
            if storage_class and not claim.spec.volume_name and claim.metadata.deletion_timestamp is None:
                name = volume_name(claim)
                if name not in existing:
                    self._provide(claim, storage_class, name)
        self._released = {name: since for name, since in self._released.items() if name in existing}
        for volume in volumes:
            if FINALIZER in (volume.metadata.finalizers or []):
                self._reclaim(volume)

    def _provide(self, claim: Object, storage_class: Object, name: str) -> None:
        size = size_gib(claim)
        found = list(self._args.linode.volumes(Volume.label == name))
        volume = found[0] if found else self._create(name, size)
        (self._args.volumes / name).mkdir(parents=True, exist_ok=True)
        wanted: Any = persistent_volume(claim, storage_class, volume_id=volume.id, size=size)
        self._core.create_persistent_volume(wanted)

    def _create(self, name: str, size: int) -> Volume:
        tags = [f"lke{self._args.cluster_id}"]
        return self._args.linode.volume_create(name, region=self._args.region, size=size, tags=tags)

    def _reclaim(self, volume: Object) -> None:
        name = volume.metadata.name
        deleting = volume.metadata.deletion_timestamp is not None
        if volume.spec.persistent_volume_reclaim_policy == "Delete":
            if volume.status.phase == "Released" and not deleting:
                self._core.delete_persistent_volume(name)
            elif deleting and volume.status.phase != "Bound" and self._is_detached(name):
                for found in self._args.linode.volumes(Volume.label == name):
                    found.delete()
                shutil.rmtree(self._args.volumes / name, ignore_errors=True)
                self._release(volume)
                del self._released[name]
        elif deleting:
            # Retained: the object goes, what Linode bills stays, as there.
            self._release(volume)

    def _is_detached(self, name: str) -> bool:
        # The driver's DeleteVolume fails until then, and is tried again (linode-blockstorage-csi-driver,
        # controllerserver.go).
        since = self._released.setdefault(name, time.monotonic())
        return time.monotonic() - since >= self._args.detaching_seconds

    def _release(self, volume: Object) -> None:
        others = [item for item in volume.metadata.finalizers if item != FINALIZER]
        metadata = {"finalizers": others, "resourceVersion": volume.metadata.resource_version}
        self._core.patch_persistent_volume(
            volume.metadata.name, {"metadata": metadata}, _content_type="application/merge-patch+json"
        )


def volume_name(claim: Object) -> str:
    """The volume's name and its label at Linode, where 32 characters are the most: Linode's driver cuts it likewise."""
    return f"pvc{claim.metadata.uid.replace('-', '')}"[:32]


def size_gib(claim: Object) -> int:
    """The size that a claim gets, in GiB: no less than the smallest that Linode has."""
    requested = parse_quantity(claim.spec.resources.requests["storage"])  # type: ignore[no-untyped-call]  # the client's own
    return max(math.ceil(float(requested / _GIB)), _SMALLEST_GIB)


def persistent_volume(claim: Object, storage_class: Object, *, volume_id: int, size: int) -> dict[str, Any]:
    """The object that stands for a volume in the cluster, meant for this very claim."""
    name = volume_name(claim)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER, "linode.com/volume-id": str(volume_id)},
            "finalizers": ["kubernetes.io/pv-protection", FINALIZER],
        },
        "spec": {
            "accessModes": claim.spec.access_modes,
            "capacity": {"storage": f"{size}Gi"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": claim.metadata.namespace,
                "name": claim.metadata.name,
                "uid": claim.metadata.uid,
            },
            "hostPath": {"path": f"{VOLUMES}/{name}", "type": "Directory"},
            "persistentVolumeReclaimPolicy": storage_class.reclaim_policy or "Delete",
            "storageClassName": storage_class.metadata.name,
            "volumeMode": "Filesystem",
        },
    }
