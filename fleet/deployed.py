"""What is deployed, and which step may come next (docs/decisions/0111). fleet/running.py finds out what is."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from fleet.fields import minor, steps_between
from fleet.naming import KARMADA
from fleet.settings import Layer, Role
from fleet.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.settings import FleetConfig

ANOTHER_MANAGER: Final = "docs/karmada.md#another-manager"
"""Where users find how Karmada's data moves to another cluster."""


class _Record(BaseModel):
    """A part of what is known; what another version of Fleet recorded may have more, or lack some."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class DeployedPool(_Record):
    """One node pool of a cluster."""

    name: str
    type: str
    nodes: int | None = None
    """How many it has at Linode, or where nobody told, how many it was given last."""


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


def errors(config: FleetConfig, deployed: Deployed) -> list[str]:
    """Every step of the config that does not follow from what is deployed, each with the step that does."""
    return [
        str(violation)
        for violation in (
            *_astray(config, deployed),
            *_kubernetes(config, deployed),
            *_regions(config, deployed),
            *_acls(config, deployed),
            *_pools(config, deployed),
            *_expelled(config, deployed),
            *(_karmada(config, deployed) if Layer.KARMADA in config.layers else ()),
            *(_etcd(config, deployed) if Layer.KARMADA in config.layers else ()),
            *(_encryption(config, deployed) if Layer.KARMADA in config.layers else ()),
            *(_istio(config, deployed) if Layer.MESH in config.layers else ()),
            *(_roots(config, deployed) if Layer.MESH in config.layers else ()),
        )
    ]


def roots_of_expelled(config: FleetConfig, deployed: Deployed) -> dict[str, tuple[str, ...]]:
    """By expelled member, the roots that everybody trusted when it was expelled: any of them may have signed for it."""
    before = deployed.mesh_roots or DeployedRoots(
        trusted=config.certs.mesh.roots, signing=config.certs.mesh.signing_root
    )
    return {member: before.expelled.get(member, before.trusted) for member in config.expelled}


def _astray(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Linode's provider goes from the state alone, and would do to one pool what is meant for another."""
    for cluster in deployed.clusters:
        if cluster.astray and cluster.name in config.clusters:
            yield Violation(
                path=("clusters", cluster.name),
                message=f"{'; '.join(cluster.astray)}; `pulumi refresh --target '**::{cluster.name}-cluster'` records "
                "what there is, and then this config can be carried out",
            )


def _kubernetes(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    for cluster in deployed.clusters:
        if cluster.name in config.clusters:
            path = ("clusters", cluster.name, "kubernetesVersion")
            yield from _upwards(path, cluster.version, config.kubernetes_version(cluster.name, cluster.version))


def _regions(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """The provider makes a cluster anew for another region, and Linode refuses it the label that the old one has."""
    for cluster in deployed.clusters:
        wanted = config.clusters.get(cluster.name)
        if wanted is None or cluster.region in (None, wanted.region):
            continue
        way = (
            f"{ANOTHER_MANAGER} has the way to another manager"
            if wanted.role is Role.MANAGER
            else "add a member under another name there, then drain this one and remove it"
        )
        yield Violation(
            path=("clusters", cluster.name, "region"),
            message=f"{wanted.region!r} is not where it is, and a cluster cannot move; keep {cluster.region!r}; {way}",
        )


def _acls(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Linode's provider keeps an ACL that is named no more, and cannot turn off one with addresses."""
    for cluster in deployed.clusters:
        wanted = config.clusters.get(cluster.name)
        if wanted is not None and cluster.acl and wanted.acl is None:
            yield Violation(
                path=("clusters", cluster.name, "acl"),
                message="is missing, and the one that the cluster has would stay; keep it, or let everybody in by "
                "0.0.0.0/0 in ipv4 and ::/0 in ipv6",
            )


def _pools(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Linode's provider knows a pool by its place, so that one in the middle would take along all that follow."""
    for name, cluster in config.clusters.items():
        order = [pool.name for pool in deployed.pools(name)]
        for place, pool in enumerate(order):
            later = [repr(other) for other in order[place + 1 :] if other in cluster.pools]
            if later and pool not in cluster.pools:
                others = ", ".join(later)
                yield Violation(
                    path=("clusters", name, "pools", pool),
                    message=f"{pool!r} is missing, and only the last pool of a cluster can go, which {others} came "
                    f"after; keep {pool!r}, of another type or count if need be, or remove {others} in an update "
                    f"before, to add again in the one that removes {pool!r}",
                )


def _expelled(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """What an expelled member had in its hands must never be trusted again, whatever becomes of its entry."""
    for name in config.expelled:
        if deployed.clusters and deployed.cluster(name) is None:
            yield Violation(
                path=("clusters", name, "expelled"),
                message="True on a cluster that is not there; leave its entry out",
            )
    for cluster in deployed.clusters:
        if cluster.expelled and cluster.name in config.trusted_members:
            yield Violation(
                path=("clusters", cluster.name, "expelled"),
                message="False, and what it had would be trusted again; keep it expelled, and add a member under "
                "another name in its place",
            )
    mesh = config.certs.mesh
    for name, roots in (deployed.mesh_roots.expelled if deployed.mesh_roots else {}).items():
        left = [root for root in roots if root in mesh.roots]
        if name not in config.clusters and left and Layer.MESH in config.layers:
            yield Violation(
                path=("clusters", name),
                message=f"is missing, and what {', '.join(map(repr, left))} signed for it would be trusted again; keep "
                f"it expelled until another root has taken over (docs/day-two.md#another-root)",
            )


def _karmada(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Objects in Karmada's etcd may be of an API that the release before does not know."""
    now, wanted, path = deployed.versions.karmada, config.versions.karmada, ("versions", "karmada")
    if now is not None:
        yield from _upwards(path, now, wanted)
        if KARMADA in deployed.versions.unfinished and steps_between(now, wanted) == 1:
            yield _unfinished(path, now, wanted)


def _etcd(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """A StatefulSet keeps the claims that it was made with."""
    before, etcd = deployed.etcd, config.karmada.etcd
    # Another manager starts with an etcd of its own.
    if before is None or before.manager != config.manager:
        return
    for key, now, wanted in (
        ("storageClass", before.storage_class, etcd.storage_class),
        ("size", before.size, etcd.size),
    ):
        if wanted != now:
            yield Violation(
                path=("karmada", "etcd", key),
                message=f"{wanted!r} is not the {now!r} that its etcd was made with, which cannot change; keep "
                f"{now!r}; {ANOTHER_MANAGER} has the way to another manager, which may have {wanted!r}",
            )


def _encryption(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Every API server must have a key before one writes with it, and for as long as anything is written with it."""
    before, encryption = deployed.encryption, config.karmada.encryption
    if before is None:
        return
    if encryption.writing_key not in before.keys:
        yield Violation(
            path=("karmada", "encryption", "writing"),
            message=f"{encryption.writing_key!r} is not known to Karmada's API servers yet; add it to keys, keep "
            f"writing with {before.writing!r} for one update, and switch then",
        )
    for key in dict.fromkeys((before.writing, *before.others)):
        if key not in encryption.keys:
            yield Violation(
                path=("karmada", "encryption", "keys"),
                message=f"{key!r} is missing, by which Karmada's secrets are encrypted; keep it for one update that "
                "writes with another, and for as long as a backup from before is to be restored",
            )


def _upwards(path: tuple[str, ...], now: str, wanted: str) -> Iterator[Violation]:
    steps = steps_between(now, wanted)
    if steps > 1:
        yield Violation(
            path=path, message=f"{wanted!r} skips minors after the {now!r} that runs; go to {_after(now)} first"
        )
    elif steps < 0:
        yield Violation(
            path=path, message=f"{wanted!r} is below the {now!r} that runs, and there is no way back; keep {now!r}"
        )


def _after(release: str) -> str:
    major, number = minor(release)
    return f"{major}.{number + 1}"


def _istio(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Istio may go back by the minor by which it went up."""
    for member, now in deployed.versions.istio.items():
        if member not in config.trusted_members:
            continue
        wanted = config.istio_version(member)
        path = ("clusters", member, "istioVersion")
        if abs(steps_between(now, wanted)) > 1:
            yield Violation(
                path=path, message=f"{wanted!r} is more than one minor from the {now!r} that runs; go step by step"
            )
        elif member in deployed.versions.unfinished and steps_between(now, wanted) == 1:
            yield _unfinished(path, now, wanted)


def _unfinished(path: tuple[str, ...], now: str, wanted: str) -> Violation:
    return Violation(
        path=path, message=f"{wanted!r} comes after {now!r}, which was begun and is not well; finish {now!r} first"
    )


def _roots(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Everybody must trust a root before it signs, and for as long as anybody has a certificate of it."""
    before, mesh = deployed.mesh_roots, config.certs.mesh
    if before is None:
        return
    if mesh.signing_root != before.signing and mesh.signing_root not in before.trusted:
        yield Violation(
            path=("certs", "mesh", "signing"),
            message=f"{mesh.signing_root!r} is not trusted by the members yet; add it to roots, keep signing with "
            f"{before.signing!r} for one update, and switch then",
        )
    for signer in dict.fromkeys((before.signing, *before.signers)):
        if signer not in mesh.roots:
            yield Violation(
                path=("certs", "mesh", "roots"),
                message=f"{signer!r} is missing, which signed until now; keep it for one update that signs with "
                "another, and drop it when no workload has a certificate of it",
            )
