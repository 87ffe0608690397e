"""One cluster's cloud controller: watches what concerns the cloud, and after every change sees that all is right."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

import requests
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.informer import ADDED, DELETED, ERROR, MODIFIED, SharedInformer
from linode_api4.errors import ApiError, UnexpectedResponseError
from urllib3.exceptions import HTTPError

from sandbox.clusters.cloud_controller.attachments import AttachmentController
from sandbox.clusters.cloud_controller.nodes import NodeController, is_ready
from sandbox.clusters.cloud_controller.services import ServiceController
from sandbox.clusters.cloud_controller.volumes import FINALIZER, VolumeController
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.clusters.cloud_controller.args import CloudControllerArgs

_log = logging.getLogger(__name__)

# Also the time after which a watch is renewed, and a change that no watch tells is seen: of an instance, say.
_RESYNC_SECONDS: Final = 60
_PAUSE_SECONDS: Final = 2.0
_ATTACH_SECONDS: Final = 1.0
"""Between two looks at which pods use which volumes, where there are volumes."""
# Of a client that cannot reach its server, for a next attempt.
_MISTAKES: Final = (
    ApiException,
    ApiError,
    UnexpectedResponseError,
    HTTPError,
    requests.RequestException,
    OSError,
    SandboxError,
)


class CloudController:
    """Runs until it is stopped."""

    def __init__(self, args: CloudControllerArgs) -> None:
        self._args = args
        core, storage = client.CoreV1Api(args.api), client.StorageV1Api(args.api)
        self._informers: Mapping[str, Any] = {
            name: _informer(function)
            for name, function in {
                "nodes": core.list_node,
                "services": core.list_service_for_all_namespaces,
                "claims": core.list_persistent_volume_claim_for_all_namespaces,
                "volumes": core.list_persistent_volume,
                "classes": storage.list_storage_class,
            }.items()
        }
        self._nodes = NodeController(core, args.linode, pods=args.pods)
        self._services = ServiceController(core, args)
        self._volumes = VolumeController(core, args)
        self._attachments = AttachmentController(core, args.attached, args.detaching_seconds)
        self._changed = threading.Event()
        self._ending = threading.Event()
        # Pods are looked at apart from the rest, which may take longer.
        self._threads = [
            threading.Thread(target=work, name=f"{name}-{args.cluster_id}", daemon=True)
            for name, work in {"cloud-controller": self._run, "attachments": self._attach}.items()
        ]

    def start(self) -> None:
        """Begin to watch and to act, on threads of its own."""
        for informer in self._informers.values():
            for event in (ADDED, MODIFIED, DELETED):
                informer.add_event_handler(event, lambda _object: self._changed.set())
            # The informer itself tries again at once, for as long as the API server is away.
            informer.add_event_handler(ERROR, lambda _error: self._ending.wait(_PAUSE_SECONDS))
            informer.start()
        for thread in self._threads:
            thread.start()

    def poke(self) -> None:
        """Say that something changed in the cloud."""
        self._changed.set()

    def stop(self) -> None:
        """End, when what is under way is done. Watches end with the API server, or within a minute."""
        self._ending.set()
        self._changed.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for informer in self._informers.values():
            threading.Thread(target=informer.stop, daemon=True).start()

    def ready_nodes(self) -> frozenset[str]:
        """The names of the nodes that Kubernetes reports Ready and that the cloud controller has set up."""
        return frozenset(node.metadata.name for node in self._cached("nodes") if is_ready(node))

    def _run(self) -> None:
        while not self._ending.is_set():
            self._changed.wait(_PAUSE_SECONDS if self._volumes.is_detaching else _RESYNC_SECONDS)
            self._changed.clear()
            if self._ending.is_set():
                return
            for part in (self._sync_nodes, self._sync_services, self._sync_volumes):
                try:
                    part()
                except _MISTAKES as error:
                    _log.warning("lke%d: %s: %s", self._args.cluster_id, part.__name__.lstrip("_"), error)
                    self._ending.wait(_PAUSE_SECONDS)
                    self._changed.set()

    def _attach(self) -> None:
        while not self._ending.wait(_ATTACH_SECONDS):
            volumes = [volume for volume in self._cached("volumes") if FINALIZER in (volume.metadata.finalizers or [])]
            nodes = [node.metadata.name for node in self._cached("nodes")]
            try:
                self._attachments.sync(volumes, nodes)
            except _MISTAKES as error:
                _log.warning("lke%d: attachments: %s", self._args.cluster_id, error)
                self._ending.wait(_PAUSE_SECONDS)

    def _sync_nodes(self) -> None:
        self._nodes.sync(self._cached("nodes"))

    def _sync_services(self) -> None:
        self._services.sync(self._cached("services"), self._cached("nodes"))

    def _sync_volumes(self) -> None:
        self._volumes.sync(self._cached("claims"), self._cached("volumes"), self._cached("classes"))

    def _cached(self, name: str) -> list[Any]:
        return list(self._informers[name].cache.list())


def _informer(function: Any) -> Any:
    # The client's informer carries no types.
    return SharedInformer(function, resync_period=_RESYNC_SECONDS)  # type: ignore[no-untyped-call]  # as said above
