"""One cluster, made to match what it should be: control plane, nodes, addons and cloud controller."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Final

from sandbox.clusters import api
from sandbox.clusters.cloud_controller import CloudController, CloudControllerArgs
from sandbox.clusters.control_plane.control_plane import ControlPlane
from sandbox.clusters.control_plane.etcd import Etcd
from sandbox.clusters.delivery import begin_with_own_images
from sandbox.clusters.host import watchers
from sandbox.clusters.network.links import delete_namespace
from sandbox.clusters.network.plan import node_pods
from sandbox.clusters.node.node import Node, attached_volumes, nodes_folder, remove_logs, remove_node, unit_prefix
from sandbox.files import write_whole
from sandbox.linode.backend import BackendError, ClusterAccess, ClusterSpec, ClusterStatus

if TYPE_CHECKING:
    from pathlib import Path

    from kubernetes import client
    from linode_api4 import LinodeClient

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.provisions import Provisions
    from sandbox.clusters.host.supervision import Supervisor

_MOST_NODES: Final = 256


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """What clusters are made with."""

    layout: Layout
    supervisor: Supervisor
    provisions: Provisions
    linode: LinodeClient


class Cluster:
    """A cluster by its id. One change at a time; questions at any time."""

    def __init__(self, cluster_id: int, args: ClusterArgs) -> None:
        self._id = cluster_id
        self._args = args
        self._changing = threading.Lock()
        self._ending = threading.Event()
        self._spec: ClusterSpec | None = None
        self._api: client.ApiClient | None = None
        self._cloud: CloudController | None = None
        self._access: ClusterAccess | None = None
        self._token = threading.Lock()
        self._pods: dict[str, IPv4Network] = {}

    def reconcile(self, spec: ClusterSpec) -> None:
        """Make the cluster match.

        Raises BackendError, SandboxError or OSError if not all of it could be done; what could be done stays.
        """
        with self._changing:
            if self._ending.is_set():
                raise BackendError("the cluster is being removed")
            self._spec = spec
            control_plane = self._control_plane(spec)
            _require_watchers(control_plane, spec)
            control_plane.folder.mkdir(parents=True, exist_ok=True)
            self._pods = allocate_pods(
                control_plane.folder / "pods.json", [node.name for pool in spec.pools for node in pool.nodes]
            )
            nodes = self._nodes(spec, control_plane)
            self._remove_others(control_plane, nodes)
            ranges = {node.pods: node.address for node in nodes}
            for node in nodes:
                if not node.spec.powered:
                    self._shut_down(node)
            nodes = [node for node in nodes if node.spec.powered]
            control_plane.connect(spec.acl, ranges)
            control_plane.prepare()
            self._args.supervisor.ensure(control_plane.api_server())
            # While the API server starts, the nodes' machines do.
            with ThreadPoolExecutor(max_workers=4) as pool:
                list(pool.map(lambda node: self._boot(node, ranges), nodes))
            self._bring_up(control_plane, nodes)

    def delete(self) -> None:
        """Remove everything of the cluster. Raises SandboxError or OSError if something is left."""
        self._ending.set()
        with self._changing:
            if self._cloud is not None:
                self._cloud.stop()
            # Its address matters to connections only, and there are none any more.
            control_plane = ControlPlane(self._args.layout, self._args.provisions, self._id, IPv4Address(0))
            supervisor = self._args.supervisor
            supervisor.drop(supervisor.names(control_plane.prefix))
            for folder in nodes_folder(control_plane).glob("*"):
                remove_node(control_plane, folder.name)
            delete_namespace(control_plane.namespace)
            Etcd(self._args.layout, self._args.provisions).delete_prefix(control_plane.etcd_prefix)
            remove_logs(self._args.layout, control_plane.prefix)
            for folder in (self._args.layout.volumes / str(self._id), control_plane.folder):
                if folder.exists():
                    shutil.rmtree(folder)

    def status(self) -> ClusterStatus:
        """How far the cluster is."""
        spec, cloud = self._spec, self._cloud
        if spec is None:
            return ClusterStatus()
        names = {node.name: node.id for pool in spec.pools for node in pool.nodes}
        running = {
            node_id
            for name, node_id in names.items()
            if self._args.supervisor.is_alive(f"lke{self._id}.{name}.kubelet")
        }
        ready = {names[name] for name in cloud.ready_nodes() if name in names} if cloud else set()
        return ClusterStatus(running=frozenset(running), ready=frozenset(ready & running))

    def access(self) -> ClusterAccess | None:
        """The administrator's credentials, once they are there.

        Raises BackendError if the API server does not answer.
        """
        # A token that is read while it is replaced would be kept after it has ended.
        with self._token:
            if self._access is None and self._api is not None and self._spec is not None:
                token = api.administrator_token(self._api)
                if token is not None:
                    certificate = self._control_plane(self._spec).authority.certificate.read_text()
                    self._access = ClusterAccess(ca_certificate=certificate, token=token)
            return self._access

    def rotate_credentials(self) -> None:
        """Replace the administrator's token.

        Raises BackendError if there is none yet, or the API server does not answer.
        """
        if self._api is None:
            raise BackendError(f"cluster {self._id} is not there yet")
        with self._changing, self._token:
            try:
                api.replace_administrator_token(self._api)
            finally:
                # One that failed half-way may have ended the old token.
                self._access = None

    def stop(self) -> None:
        """Let go of the cluster, which stays as it is."""
        self._ending.set()
        if self._cloud is not None:
            self._cloud.stop()

    def _shut_down(self, node: Node) -> None:
        supervisor = self._args.supervisor
        supervisor.drop(supervisor.names(unit_prefix(node.control_plane, node.spec.name)))
        node.machine.delete()

    def _boot(self, node: Node, ranges: dict[IPv4Network, IPv4Address]) -> None:
        # One that is there has waited already. A cluster that is being removed waits for nothing.
        if not node.folder.exists() and self._ending.wait(self._args.provisions.delays.node):
            return
        node.connect(ranges)
        node.prepare()
        containerd, *_ = node.units()
        self._args.supervisor.ensure(containerd)
        # Before the kubelet, which would try to pull them.
        begin_with_own_images(node.machine, self._args.provisions.programs["ctr"])

    def _bring_up(self, control_plane: ControlPlane, nodes: list[Node]) -> None:
        ensure = self._args.supervisor.ensure
        connection = api.connect(control_plane)
        api.wait_until_ready(connection, self._ending)
        ensure(control_plane.controller_manager())
        ensure(control_plane.scheduler())
        for node in nodes:
            # Asked now that its machine runs: what it has depends on when that was started.
            for unit in node.units():
                ensure(unit)
        self._ensure_addons(control_plane, connection)
        self._api = connection
        if self._cloud is None:
            self._cloud = self._cloud_controller(control_plane, connection)
            self._cloud.start()
        self._cloud.poke()

    def _ensure_addons(self, control_plane: ControlPlane, connection: client.ApiClient) -> None:
        documents = [*api.addons(), *api.manifests("token.yaml")]
        key = hashlib.sha256(json.dumps(documents).encode()).hexdigest()
        mark = control_plane.folder / "addons"
        if not mark.exists() or mark.read_text() != key:
            api.apply(connection, documents)
            mark.write_text(key)

    def _cloud_controller(self, control_plane: ControlPlane, connection: client.ApiClient) -> CloudController:
        layout = self._args.layout
        region = self._spec.region if self._spec else ""
        return CloudController(
            CloudControllerArgs(
                cluster_id=self._id,
                region=region,
                api=connection,
                linode=self._args.linode,
                pods=lambda name: self._pods.get(name),
                volumes=layout.volumes / str(self._id),
                attached=lambda name: attached_volumes(control_plane, name),
                detaching_seconds=self._args.provisions.delays.detach,
            )
        )

    def _control_plane(self, spec: ClusterSpec) -> ControlPlane:
        return ControlPlane(self._args.layout, self._args.provisions, self._id, IPv4Address(spec.address))

    def _nodes(self, spec: ClusterSpec, control_plane: ControlPlane) -> list[Node]:
        return [
            Node(
                control_plane=control_plane,
                spec=node,
                pool=pool,
                pods=self._pods[node.name],
                provisions=self._args.provisions,
            )
            for pool in spec.pools
            for node in pool.nodes
        ]

    def _remove_others(self, control_plane: ControlPlane, nodes: list[Node]) -> None:
        wanted = {node.spec.name for node in nodes}
        for folder in nodes_folder(control_plane).glob("*"):
            if folder.name not in wanted:
                supervisor = self._args.supervisor
                supervisor.drop(supervisor.names(unit_prefix(control_plane, folder.name)))
                remove_node(control_plane, folder.name)


def _require_watchers(control_plane: ControlPlane, spec: ClusterSpec) -> None:
    """See that what is new can be started at all; what is there already has what it needs."""
    names = {node.name for pool in spec.pools for node in pool.nodes}
    known = {folder.name for folder in nodes_folder(control_plane).glob("*")}
    missing = len(names - known) * watchers.PER_NODE
    if not control_plane.folder.exists():
        missing += watchers.PER_CONTROL_PLANE
    if missing:
        watchers.require(missing)


def allocate_pods(path: Path, names: list[str]) -> dict[str, IPv4Network]:
    """The pod addresses of every node; a node keeps its own for life, and what is free again is given away again.

    `path` is where the choice is kept. Raises ValueError for more nodes than a cluster has ranges for.
    """
    if len(names) > _MOST_NODES:
        raise ValueError(f"a cluster of the sandbox has at most {_MOST_NODES} nodes, and not {len(names)}")
    known: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError):
        known = json.loads(path.read_text())
    kept = {name: known[name] for name in names if name in known}
    free = iter(sorted(set(range(_MOST_NODES)) - set(kept.values())))
    indexes = {name: kept[name] if name in kept else next(free) for name in names}
    write_whole(path, json.dumps(indexes))
    return {name: node_pods(index) for name, index in indexes.items()}
