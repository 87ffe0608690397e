"""The seam between the emulated API and whatever makes its LKE clusters real.

The API decides *what* should exist and keeps it: clusters, pools, nodes, names, addresses. A `ClusterBackend` makes it
so and says how far it is. It is driven by desired state: `reconcile` gets a whole cluster and makes reality match, so a
crash on either side is repaired by calling it again; at its start the API does so for every cluster that it remembers.
Recycling a node is a new node in the place of the old one and needs no call of its own; NodeBalancers and volumes are
ordinary REST resources, which a cluster's cloud controller creates through the API as Linode's does.

The API calls from one event loop: for one cluster never two of `reconcile`, `delete` and `rotate_credentials` at once,
for different clusters side by side; `status` and `access` at any time, often, and they must be quick. `reconcile` may
be cancelled at any await, when its cluster is deleted meanwhile. A call that raises is repeated with growing pauses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

API_SERVER_PORT = 6443
"""Where a cluster's API server listens on its address."""


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, kw_only=True)
class Taint:
    """A taint that every node of a pool carries."""

    key: str
    value: str | None
    effect: TaintEffect


class Action(StrEnum):
    """What a firewall does with a packet."""

    ACCEPT = "accept"
    DROP = "drop"


@dataclass(frozen=True, kw_only=True)
class FirewallRule:
    """One rule of a Cloud Firewall, as the account has it."""

    action: Action
    protocol: str
    """TCP, UDP, ICMP or IPENCAP."""
    ports: str | None = None
    """As in "22-24, 80"; None for all, and where the protocol has none."""
    networks: tuple[str, ...] = ()
    """IPv4 networks in CIDR notation: of senders if the rule is for what comes in, else of receivers."""


@dataclass(frozen=True, kw_only=True)
class FirewallRules:
    """The rules for one direction: the first that fits a packet decides, else the policy."""

    rules: tuple[FirewallRule, ...]
    policy: Action


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """An enabled Cloud Firewall."""

    inbound: FirewallRules
    outbound: FirewallRules


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """A machine that should be a node. It is switched off and on; a recycled node has a new id, name and address."""

    id: str
    """The LKE node's id, "POOL-HASH"."""
    name: str
    """The Kubernetes node's name and the instance's label, "lkeCLUSTER-POOL-HASH"."""
    instance_id: int
    """The Linode behind it; Linode's cloud controller makes the providerID "linode://INSTANCE_ID" of it."""
    address: str
    """Its ExternalIP, in 198.51.100.0/24."""
    kubernetes_version: str
    """Minor version; after an upgrade of its cluster a node keeps its own until it is recycled."""
    powered: bool = True
    """Whether its machine should run; one that is shut down keeps its disk, name and address."""
    firewall: Firewall | None = None
    """What stands between its network interface and everybody else."""


@dataclass(frozen=True, kw_only=True)
class PoolSpec:
    """Nodes of one plan."""

    id: int
    label: str
    type: str
    """The plan's id; the node's label node.kubernetes.io/instance-type."""
    memory: int
    """Of each node, in MiB, as the plan has it."""
    vcpus: int
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    nodes: tuple[NodeSpec, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AclSpec:
    """Who may reach the API server; enabled with no address means nobody."""

    enabled: bool
    ipv4: tuple[str, ...] = ()
    """Networks in CIDR notation."""
    ipv6: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClusterSpec:
    """A cluster as it should be."""

    id: int
    label: str
    region: str
    tier: str
    kubernetes_version: str
    """Minor version of the control plane, "1.35"."""
    high_availability: bool
    address: str
    """Of the API server, in 192.0.2.0/24; it listens on `API_SERVER_PORT`."""
    acl: AclSpec
    pools: tuple[PoolSpec, ...]


@dataclass(frozen=True, kw_only=True)
class ClusterStatus:
    """How far a cluster is; ids are those of `NodeSpec`."""

    running: frozenset[str] = frozenset()
    """Nodes whose machine is up."""
    ready: frozenset[str] = frozenset()
    """Nodes that Kubernetes reports Ready; a part of `running`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ClusterAccess:
    """What an administrator needs to reach the API server; never shown by repr."""

    ca_certificate: str
    """PEM; the serving certificate is valid for the cluster's address."""
    token: str
    """Of a service account with the cluster-admin role."""


class BackendError(Exception):
    """Something that may go away: the API logs it and tries again."""


class ClusterBackend(Protocol):
    """Makes clusters real."""

    async def reconcile(self, cluster: ClusterSpec) -> None:
        """Make the cluster match; return when nothing is left to start, though nodes may still be coming up.

        Machines of nodes that are no longer in the specification are gone when this returns: the API then gives their
        addresses to others. Raises BackendError if not all of it could be done; what could be done stays.
        """

    async def delete(self, cluster_id: int) -> None:
        """Remove everything of a cluster; nothing to remove is no mistake. Raises BackendError if something is left."""

    async def status(self, cluster_id: int) -> ClusterStatus:
        """How far a cluster is; an unknown cluster has nothing yet."""

    async def access(self, cluster_id: int) -> ClusterAccess | None:
        """The administrator's credentials; None as long as the API server does not answer."""

    async def rotate_credentials(self, cluster_id: int) -> None:
        """Replace the administrator's token; the old one stops working.

        Raises BackendError if the cluster is not there yet.
        """

    async def close(self) -> None:
        """The API stops. Clusters stay as they are."""
