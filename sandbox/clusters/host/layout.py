"""Where one sandbox keeps everything: its state folder, its namespaces and its control groups, all by its name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.errors import SandboxError

DEFAULT_NAME: Final = "local"
NAMESPACE_FOLDER: Final = Path("/run/netns")
# Short, since names of sockets (108 bytes) and control groups are built from it; no dash, so that the prefix of one
# sandbox's namespaces can never be the prefix of another's.
_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,15}")


class InvalidNameError(SandboxError):
    """A sandbox cannot be called that."""


@dataclass(frozen=True)
class Layout:
    """The names of everything that belongs to one sandbox."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidNameError(
                what=f"A sandbox cannot be called {self.name!r}",
                why="a name is 1 to 16 lower-case letters and digits and begins with a letter",
                remedy="Choose another name",
            )

    @property
    def root(self) -> Path:
        """The state folder; FLEET_STATE_HOME moves the parent of all of them."""
        return Path(os.environ.get("FLEET_STATE_HOME", "/var/lib/fleet")) / self.name

    @property
    def lock(self) -> Path:
        """Held by whoever changes the sandbox as a whole; beside the folder, since `down` removes that."""
        return self.root.with_name(f".{self.name}.lock")

    @property
    def logs(self) -> Path:
        """The output of every process, one file each."""
        return self.root / "logs"

    @property
    def daemon(self) -> Path:
        """The file of the sandbox's own process."""
        return self.root / "daemon.json"

    @property
    def units(self) -> Path:
        """What runs: one small file a process."""
        return self.root / "units"

    @property
    def token(self) -> Path:
        """The token of the emulated Linode API."""
        return self.root / "token"

    @property
    def controllers_token(self) -> Path:
        """The token of the clusters' own controllers, so that they and the user have rate limits apart, as with LKE."""
        return self.root / "controllers-token"

    @property
    def programs(self) -> Path:
        """Clients, for PATH."""
        return self.root / "bin"

    @property
    def provisions(self) -> Path:
        """Where executables and images are."""
        return self.root / "provisions.json"

    @property
    def charts(self) -> Path:
        """Charts by project and name, as `fleet:charts` takes folders."""
        return self.root / "charts"

    @property
    def stacks(self) -> Path:
        """The state of the Pulumi stack that runs on the sandbox."""
        return self.root / "stacks"

    @property
    def kubeconfigs(self) -> Path:
        """One kubeconfig for each cluster and one for Karmada, for users; written by whoever reads the stack."""
        return self.root / "kubeconfigs"

    @property
    def linode_state(self) -> Path:
        """The emulated account."""
        return self.root / "linode.db"

    @property
    def etcd(self) -> Path:
        """Of all clusters."""
        return self.root / "etcd"

    @property
    def machines(self) -> Path:
        """Runc's own state of all nodes."""
        return self.root / "machines"

    @property
    def clusters(self) -> Path:
        """One folder a cluster."""
        return self.root / "clusters"

    @property
    def balancers(self) -> Path:
        """One folder a NodeBalancer."""
        return self.root / "balancers"

    @property
    def volumes(self) -> Path:
        """One folder a cluster, and in it one a volume."""
        return self.root / "volumes"

    @property
    def cgroup(self) -> str:
        """The control group below which every process of the sandbox is, with no leading slash."""
        return f"fleet/{self.name}"

    @property
    def namespace_prefix(self) -> str:
        """How the names of the sandbox's network namespaces begin."""
        return f"fleet-{self.name}-"

    @property
    def wan(self) -> str:
        """The namespace that stands for the internet; clients run in it."""
        return f"{self.namespace_prefix}wan"

    @property
    def cloud(self) -> str:
        """The namespace of the emulated Linode API and of etcd."""
        return f"{self.namespace_prefix}cloud"

    def control_plane(self, cluster_id: int) -> str:
        """The namespace of a cluster's control plane."""
        return f"{self.namespace_prefix}lke{cluster_id}"

    def node(self, node_name: str) -> str:
        """The namespace of a node."""
        return f"{self.namespace_prefix}{node_name}"

    def balancer(self, balancer_id: int) -> str:
        """The namespace of a NodeBalancer."""
        return f"{self.namespace_prefix}nodebalancer{balancer_id}"

    def namespaces(self) -> list[str]:
        """The namespaces of the sandbox that exist."""
        return sorted(path.name for path in NAMESPACE_FOLDER.glob(f"{self.namespace_prefix}*"))


def namespace_path(namespace: str) -> Path:
    """The file that stands for a network namespace."""
    return NAMESPACE_FOLDER / namespace
