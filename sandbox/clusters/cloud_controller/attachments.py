"""Which node has a volume: one at a time, as Linode's driver has it with Kubernetes' attach and detach controller.

A node sees a volume while it is attached there, as a link to the volume's folder. A pod on another node finds none, so
its kubelet cannot mount it and tries again, as it does where Linode still has the volume at another Linode.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from sandbox.clusters.node.node import DISKS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from kubernetes.client import CoreV1Api

    from sandbox.clusters.cloud_controller.objects import Object

_ENDED: Final = ("Succeeded", "Failed")


class AttachmentController:
    """Attaches volumes to the nodes of the pods that use them."""

    def __init__(self, core: CoreV1Api, attached: Callable[[str], Path], detaching_seconds: float) -> None:
        """`attached` is the folder in which a node has its links, by the node's name."""
        self._core = core
        self._attached = attached
        self._detaching_seconds = detaching_seconds
        self._unused: dict[str, float] = {}
        """By volume, since when no pod on its node uses it."""

    def sync(self, volumes: Iterable[Object], nodes: Collection[str]) -> None:
        """Attach and detach. Bound volumes of this provisioner, and the names of all nodes.

        Raises ApiException or OSError if the API server refused or does not answer, or a link cannot be made.
        """
        bound = {volume.metadata.name: volume.spec.claim_ref for volume in volumes if volume.spec.claim_ref}
        users = dict(self._users({claim.namespace for claim in bound.values()}))
        for name, claim in bound.items():
            self._place(name, users.get((claim.namespace, claim.name), []), nodes)
        self._unused = {name: since for name, since in self._unused.items() if name in bound}
        for node in nodes:
            for link in self._links(node):
                if link.name not in bound:
                    link.unlink()

    def _links(self, node: str) -> list[Path]:
        folder = self._attached(node)
        return list(folder.iterdir()) if folder.exists() else []

    def _place(self, volume: str, wanted: list[str], nodes: Collection[str]) -> None:
        holder = next((node for node in nodes if (self._attached(node) / volume).is_symlink()), None)
        # Nobody else can want it, and pods need not wait for it.
        only = next(iter(nodes)) if len(nodes) == 1 else None
        if holder is not None and holder not in (*wanted, only):
            since = self._unused.setdefault(volume, time.monotonic())
            if time.monotonic() - since < self._detaching_seconds:
                return
            (self._attached(holder) / volume).unlink()
            holder = None
        self._unused.pop(volume, None)
        target = next((node for node in wanted if node in nodes), only)
        if holder is None and target is not None:
            folder = self._attached(target)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / volume).symlink_to(f"{DISKS}/{volume}")

    def _users(self, namespaces: Iterable[str]) -> Iterator[tuple[tuple[str, str], list[str]]]:
        """The nodes of the pods that use a claim, by its namespace and name; who came first has it first."""
        for namespace in namespaces:
            # Not as objects, which takes ten times as long, every second. A version of 0 asks the server's memory.
            # What comes then is the bare response, which the client's types do not tell.
            answer: Any = self._core.list_namespaced_pod(namespace, resource_version="0", _preload_content=False)
            pods = sorted(json.loads(answer.data)["items"], key=lambda pod: pod["metadata"]["creationTimestamp"])
            found: dict[str, list[str]] = {}
            for pod in pods:
                for claim in _claims(pod):
                    found.setdefault(claim, []).append(pod["spec"]["nodeName"])
            for claim, nodes in found.items():
                yield (namespace, claim), nodes


def _claims(pod: Mapping[str, Any]) -> list[str]:
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in _ENDED:
        return []
    volumes = pod["spec"].get("volumes", ())
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]
