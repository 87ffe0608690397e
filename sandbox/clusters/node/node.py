"""A node: a machine on the sandbox's internet with containerd, kubelet, kube-proxy and a policy controller in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox.clusters.control_plane.control_plane import GO_ENVIRONMENT, ControlPlane
from sandbox.clusters.control_plane.kubeconfig import write_kubeconfig
from sandbox.clusters.control_plane.pki import KeyPair, Subject, ensure_client, ensure_server
from sandbox.clusters.host.processes import ProcessSpec
from sandbox.clusters.host.subprocesses import CommandError, launch
from sandbox.clusters.host.supervision import Unit
from sandbox.clusters.images.store import lay_out
from sandbox.clusters.network.firewall import Neighbours, firewall_rules
from sandbox.clusters.network.links import attach, delete_namespace, load_rules, set_routes, sysctl
from sandbox.clusters.network.plan import PODS, SERVICES
from sandbox.clusters.network.rules import node_rules
from sandbox.clusters.node.files import (
    CONTAINERD,
    KUBE_PROXY,
    KUBE_PROXY_KUBECONFIG,
    KUBELET,
    KUBELET_KUBECONFIG,
    NETWORK_POLICY_KUBECONFIG,
    PKI,
    write_node_files,
)
from sandbox.clusters.node.machine import PROGRAMS_FOLDER, Machine
from sandbox.errors import SandboxError
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.provisions import Provisions
    from sandbox.linode.backend import NodeSpec, PoolSpec

PROGRAMS: Final = ("containerd", "containerd-shim-runc-v2", "ctr", "kubelet", "kube-proxy", "network-policy")
VOLUMES: Final = "/mnt/linode-volumes"
"""Where a node has the volumes that are attached to it, as links."""
DISKS: Final = "/mnt/linode-disks"
"""Where the links lead: every node of a cluster has the folders of all volumes there."""
# As a machine's: many start at once, and only its own node waits for one.
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.02


class NodeError(SandboxError):
    """A node did not go."""

    @classmethod
    def of(cls, node_name: str, why: str) -> NodeError:
        """The error of a node, by its name."""
        remedy = "Delete it again; `python -m sandbox down` removes it with all others"
        return cls(what=f"The node {node_name} is not wholly gone", why=why, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Node:
    """The files, the namespace and the processes of one node."""

    control_plane: ControlPlane
    spec: NodeSpec
    pool: PoolSpec
    pods: IPv4Network
    provisions: Provisions
    machine: Machine = field(init=False)

    def __post_init__(self) -> None:
        layout = self.control_plane.layout
        machine = Machine(
            layout=layout,
            name=self.spec.name,
            folder=self.folder,
            tools={name: self.provisions.programs[name] for name in PROGRAMS},
            shared={
                DISKS: layout.volumes / str(self.control_plane.cluster_id),
                VOLUMES: attached_volumes(self.control_plane, self.spec.name),
            },
        )
        object.__setattr__(self, "machine", machine)

    @property
    def folder(self) -> Path:
        """All files of the node."""
        return nodes_folder(self.control_plane) / self.spec.name

    @property
    def address(self) -> IPv4Address:
        """Its ExternalIP."""
        return IPv4Address(self.spec.address)

    @property
    def namespace(self) -> str:
        """Its network."""
        return self.control_plane.layout.node(self.spec.name)

    def connect(self, siblings: Mapping[IPv4Network, IPv4Address]) -> None:
        """Bring its network up: on the internet, with ways to the pods of its cluster's other nodes.

        `siblings` are the pod ranges of all nodes of the cluster, with the node of each. Raises CommandError if it
        cannot be done.
        """
        attach(self.namespace, address=self.address, wan=self.control_plane.layout.wan)
        # Packets of pods take other ways than their answers, which the kernel would take for forgery.
        settings = {"ip_forward": 1, "conf.all.rp_filter": 0, "conf.default.rp_filter": 0, "conf.eth0.rp_filter": 0}
        sysctl(self.namespace, {f"net.ipv4.{key}": value for key, value in settings.items()})
        others = {pods: address for pods, address in siblings.items() if pods != self.pods}
        neighbours = Neighbours(control_plane=self.control_plane.address, nodes=others)
        rules = node_rules([self.control_plane.address, *siblings.values()])
        load_rules(self.namespace, rules + firewall_rules(self.spec.firewall, neighbours))
        set_routes(self.namespace, others, within=[PODS])

    def prepare(self) -> None:
        """Make the node's files, as far as they are missing. Raises CommandError if the images cannot be laid out."""
        for folder in self.machine.shared.values():
            folder.mkdir(parents=True, exist_ok=True)
        write_node_files(
            self.machine.root, cgroup=self.machine.cgroup, pods=self.pods, name=self.spec.name, pool=self.pool
        )
        self._write_identities()
        lay_out(Path(self.provisions.images), self.machine.root / "var/lib/containerd")

    def units(self) -> list[Unit]:
        """The node's processes."""
        labels = {
            **self.pool.labels,
            "lke.linode.com/pool-id": str(self.pool.id),
            "node.kubernetes.io/instance-type": self.pool.type,
        }
        kubelet = [
            f"--config={KUBELET}",
            f"--kubeconfig={KUBELET_KUBECONFIG}",
            f"--hostname-override={self.spec.name}",
            f"--node-ip={self.address}",
            "--cloud-provider=external",
            "--node-labels=" + ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        ]
        return [
            self._unit("containerd", [f"--config={CONTAINERD}", "--log-level=warn"], CONTAINERD),
            self._unit("kubelet", kubelet, KUBELET),
            self._unit("kube-proxy", [f"--config={KUBE_PROXY}"], KUBE_PROXY),
            *self._policy_controller(),
        ]

    def _policy_controller(self) -> list[Unit]:
        if not self.machine.has("network-policy"):
            return []
        line = [
            f"--kubeconfig={NETWORK_POLICY_KUBECONFIG}",
            f"--hostname-override={self.spec.name}",
            f"--service-cluster-ip-range={SERVICES}",
        ]
        return [self._unit("network-policy", line, NETWORK_POLICY_KUBECONFIG)]

    def _unit(self, program: str, arguments: list[str], configuration: str) -> Unit:
        command = ProcessSpec(
            line=[str(PROGRAMS_FOLDER / program), *arguments],
            # containerd looks for its shim on PATH.
            environment={**GO_ENVIRONMENT, "PATH": f"{PROGRAMS_FOLDER}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"},
            inputs=(self.machine.root / configuration.lstrip("/"),),
        )
        name = f"{unit_prefix(self.control_plane, self.spec.name)}{program}"
        return Unit(name=name, command=command, place=InMachine(self.machine))

    def _write_identities(self) -> None:
        authority = self.control_plane.authority
        inner = Path(PKI)
        folder = self.machine.root / PKI.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(authority.certificate, folder / authority.certificate.name)
        kubelet = Subject(common_name=f"system:node:{self.spec.name}", organizations=("system:nodes",))
        ensure_client(KeyPair(folder, "kubelet"), kubelet, authority)
        for name in ("kube-proxy", "network-policy"):
            ensure_client(KeyPair(folder, name), Subject(common_name=f"system:{name}"), authority)
        names = [self.spec.name, str(self.address)]
        ensure_server(KeyPair(folder, "kubelet-server"), kubelet, authority, names)
        kubeconfigs = {
            "kubelet": KUBELET_KUBECONFIG,
            "kube-proxy": KUBE_PROXY_KUBECONFIG,
            "network-policy": NETWORK_POLICY_KUBECONFIG,
        }
        for name, path in kubeconfigs.items():
            write_kubeconfig(
                self.machine.root / path.lstrip("/"),
                server=self.control_plane.server,
                authority=inner / authority.certificate.name,
                client=KeyPair(inner, name),
            )


@dataclass(frozen=True)
class InMachine:
    """Processes inside a machine, which is switched on for them if it is off."""

    machine: Machine

    def start(self, unit: Unit) -> int:
        """Start it, and return its process number as the host sees it.

        Raises CommandError if the machine or the process did not start.
        """
        self.machine.ensure()
        log = self.machine.layout.logs / f"{unit.name}.log"
        with tempfile.TemporaryDirectory(dir=self.machine.folder) as folder:
            pid_file = Path(folder, "pid")
            line = self.machine.execute(
                list(unit.command.line), pid_file=pid_file, environment=unit.command.environment
            )
            try:
                launch(line, log=log, folder=self.machine.folder, timeout_seconds=_START_SECONDS)
            except CommandError:
                # Nobody would know of it, and the next start would be a second one.
                _kill(pid_file)
                raise
            if not pid_file.exists():
                raise CommandError(line, f"it left no process number; see {log}")
            return int(pid_file.read_text())


def _kill(pid_file: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        os.kill(int(pid_file.read_text()), signal.SIGKILL)


def nodes_folder(control_plane: ControlPlane) -> Path:
    """Where the nodes of a cluster have their files."""
    return control_plane.folder / "nodes"


def attached_volumes(control_plane: ControlPlane, node_name: str) -> Path:
    """Where the host has the links to the volumes that are attached to a node."""
    return nodes_folder(control_plane) / node_name / "volumes"


def unit_prefix(control_plane: ControlPlane, node_name: str) -> str:
    """How the names of a node's units begin."""
    return f"{control_plane.prefix}{node_name}."


def remove_node(control_plane: ControlPlane, node_name: str) -> None:
    """Remove all that a node has on the host; its units must have been dropped. No such node is no mistake.

    Raises:
        CommandError: a command that removes something failed.
        NodeError: something is left.

    """
    layout = control_plane.layout
    folder = nodes_folder(control_plane) / node_name
    machine = Machine(layout=layout, name=node_name, folder=folder, tools={})
    machine.delete()
    delete_namespace(layout.node(node_name))
    if left := machine.clear():
        raise NodeError.of(node_name, f"left are {', '.join(left)}")
    try:
        machine.log.unlink(missing_ok=True)
        remove_logs(layout, unit_prefix(control_plane, node_name))
        # At last: by its folder a node is found again whose removal did not come to its end.
        _remove_folder(folder)
    except OSError as error:
        raise NodeError.of(node_name, str(error)) from error


def remove_logs(layout: Layout, prefix: str) -> None:
    """Remove the logs of the units whose names begin so; they must have been dropped."""
    for log in layout.logs.glob(f"{prefix}*.log"):
        log.unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    def gone() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    if not until(gone, seconds=_STOP_SECONDS, every=_PAUSE_SECONDS):
        shutil.rmtree(folder)
