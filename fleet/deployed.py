"""What is deployed (docs/decisions/0186). fleet/running.py finds out, and fleet/steps.py says what may come next."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    from fleet.config.settings import FleetConfig


class _Record(BaseModel):
    """A part of what is known; what another version of Fleet recorded may have more, or lack some."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class DeployedPool(_Record):
    """One node pool of a cluster."""

    name: str
    type: str
    nodes: int | None = None
    """How many it has at Linode, or where nobody told, how many it was given last."""
    disk_encryption: str | None = None
    """`enabled` or `disabled`, where the provider would go by that of another place (docs/decisions/0270)."""


class DeployedCluster(_Record):
    """One cluster: its Kubernetes minor version, where it is, and its pools in the order that the provider knows."""

    name: str
    version: str
    region: str | None = None
    acl: bool = False
    """Whether its control plane has one."""
    expelled: bool = False
    joined: bool | None = None
    """Whether Karmada has a Cluster object for it; None where nobody knows."""
    pools: tuple[DeployedPool, ...] = ()
    unready: int = 0
    """Nodes that Linode does not call ready."""
    astray: tuple[str, ...] = ()
    """What Linode has otherwise than the state: after an update that failed, or by somebody's hand."""


class DeployedVersions(_Record):
    """Karmada's version, and Istio's by member; none for a layer that is not built."""

    karmada: str | None = None
    istio: dict[str, str] = Field(default_factory=dict)
    unfinished: frozenset[str] = frozenset()
    """For what a release is of that version and did not become well: `karmada`, or a member for its Istio."""


class DeployedEtcd(_Record):
    """The storage of Karmada's etcd, and the manager that it is on."""

    manager: str
    storage_class: str
    size: str


class DeployedFirewall(_Record):
    """What Karmada's firewalls let in, and the manager's Linodes behind them."""

    manager: str
    linodes: tuple[int, ...]
    sources: tuple[str, ...]

    def lets_in(self, address: str) -> bool:
        """Whether an IPv4 address is in a network that is let in."""
        return any(ip_address(address) in ip_network(network) for network in self.sources)


class DeployedEncryption(_Record):
    """The keys of encryption at rest by name, and the one by which all that is to be encrypted is."""

    keys: tuple[str, ...]
    writing: str
    others: tuple[str, ...] = ()
    """Those by which something may be encrypted besides: an update may have ended half-way from one to another."""


class DeployedBackups(_Record):
    """Where backups are."""

    region: str


class DeployedRoots(_Record):
    """The mesh's roots by name."""

    trusted: tuple[str, ...]
    signing: str
    signers: tuple[str, ...] = ()
    """Those that signed for any member, if more than one did: an update may have reached some members alone."""
    expelled: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By expelled member, the roots that everybody trusted when it was expelled: any of them may have signed for it."""


class Deployed(_Record):
    """What is deployed."""

    clusters: tuple[DeployedCluster, ...] = ()
    versions: DeployedVersions = DeployedVersions()
    etcd: DeployedEtcd | None = None
    karmada_firewall: DeployedFirewall | None = None
    """None where Karmada's API has no ACL."""
    encryption: DeployedEncryption | None = None
    keys_in_ids: frozenset[str] = frozenset()
    """Keys of encryption at rest that are ids of resources, which a state does not encrypt."""
    api_servers_share: bool = True
    """Whether Karmada's API servers bear the next one on their node, or there are none yet."""
    etcd_volume_held: bool = True
    """Whether the volume of Karmada's etcd has the holder that it waits for, or there is none yet."""
    backups: DeployedBackups | None = None
    mesh_roots: DeployedRoots | None = None
    ingresses: dict[str, str] = Field(default_factory=dict)
    """Addresses of ingress gateways by member."""
    east_west_gateways: dict[str, str] = Field(default_factory=dict)

    earlier_workloads: dict[str, frozenset[str]] = Field(default_factory=dict)
    """What an earlier Fleet runs, which had its workloads in its code: by name, the keys that its entry would have."""
    earlier_rules: str | None = None
    """The one of them that the rules of every member's mesh are about."""

    def cluster(self, name: str) -> DeployedCluster | None:
        """The cluster of a name, if there is one."""
        return next((cluster for cluster in self.clusters if cluster.name == name), None)

    def kubernetes_version(self, cluster: str) -> str | None:
        """The Kubernetes minor version that a cluster runs; None where it is not there."""
        found = self.cluster(cluster)
        return found.version if found else None

    def pools(self, cluster: str) -> tuple[DeployedPool, ...]:
        """A cluster's pools in the order that the provider knows, as far as it is known."""
        found = self.cluster(cluster)
        return found.pools if found else ()

    def has_joined(self, cluster: str) -> bool:
        """Whether Karmada has a Cluster object for this cluster."""
        found = self.cluster(cluster)
        if found is None:
            return False
        return self.versions.karmada is not None if found.joined is None else found.joined


def roots_of_expelled(config: FleetConfig, deployed: Deployed) -> dict[str, tuple[str, ...]]:
    """By expelled member, the roots that everybody trusted when it was expelled: any of them may have signed for it."""
    before = deployed.mesh_roots or DeployedRoots(
        trusted=config.certs.mesh.roots, signing=config.certs.mesh.signing_root
    )
    return {member: before.expelled.get(member, before.trusted) for member in config.expelled}
