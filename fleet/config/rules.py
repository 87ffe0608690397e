"""The rules of the stack config that concern more than one section."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from fleet.config import cluster_rules, secrets, workload_rules
from fleet.config.fields import minor, steps_between
from fleet.config.settings import EndpointMode, Layer, Role
from fleet.config.violations import Violation
from fleet.versions import KUBERNETES_BY_ISTIO, KUBERNETES_BY_KARMADA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.config.settings import Cluster, FleetConfig

FIREWALL_ADDRESSES: Final = 255
"""Addresses and networks of a firewall's rule at most (Linode API v4, POST /networking/firewalls)."""


def violations(config: FleetConfig) -> list[Violation]:
    """Every rule between sections that a config breaks; none for a config that can be built."""
    return [
        *cluster_rules.violations(config),
        *workload_rules.violations(config),
        *_versions(config),
        *_layers(config),
        *_karmada(config),
        *_lifetimes(config),
        *_roots(config),
        *_encryption(config),
        *_acknowledged(config),
        *secrets.violations(config, config.secrets),
    ]


def _versions(config: FleetConfig) -> Iterator[Violation]:
    """Versions that Fleet knows, and that go together in every cluster that runs them."""
    yield from _known(("versions", "karmada"), config.versions.karmada, KUBERNETES_BY_KARMADA)
    yield from _known(("versions", "istio"), config.versions.istio, KUBERNETES_BY_ISTIO)
    if minor(config.versions.karmada_chart) != minor(config.versions.karmada):
        yield Violation(
            path=("versions", "karmadaChart"),
            message=f"{config.versions.karmada_chart!r} is not of the same minor as karmada "
            f"{config.versions.karmada!r}; raise both together",
        )
    for name, cluster in config.clusters.items():
        if cluster.istio_version is not None:
            yield from _istio_of_one_cluster(name, cluster)
        # Without a version of its own, which one it is depends on whether it runs already (fleet/upgrades.py).
        if cluster.kubernetes_version is not None:
            yield from unsupported(config, name, cluster.kubernetes_version)
    yield from _istio_skew(config)


def unsupported(config: FleetConfig, name: str, version: str) -> Iterator[Violation]:
    """What does not support a cluster's Kubernetes version, of all that Fleet runs in it."""
    cluster = config.clusters[name]
    if cluster.expelled:
        # What it runs is not Fleet's any more.
        return
    products = [("karmada", config.versions.karmada, KUBERNETES_BY_KARMADA)]
    if cluster.role is Role.MEMBER:
        products.append(("istio", config.istio_version(name), KUBERNETES_BY_ISTIO))
    for product, release, table in products:
        kubernetes = table.get(_minor(release))
        if kubernetes is not None and version not in kubernetes:
            yield Violation(
                path=("clusters", name, "kubernetesVersion"),
                message=f"{version!r} is not supported by {product} {release}; take one of {_sorted(kubernetes)}",
            )


def _known(path: tuple[str, ...], release: str, table: Mapping[str, frozenset[str]]) -> Iterator[Violation]:
    if _minor(release) not in table:
        yield Violation(
            path=path, message=f"{release!r} is not a version that Fleet knows; take one of {', '.join(sorted(table))}"
        )


def _istio_of_one_cluster(name: str, cluster: Cluster) -> Iterator[Violation]:
    path = ("clusters", name, "istioVersion")
    if cluster.role is Role.MANAGER:
        yield Violation(
            path=path, message=f"{cluster.istio_version!r} on the manager, which is not in the mesh; drop it"
        )
    else:
        yield from _known(path, cluster.istio_version or "", KUBERNETES_BY_ISTIO)


def _istio_skew(config: FleetConfig) -> Iterator[Violation]:
    """Istiods read each other's objects and lead proxies to each other's gateways; Istio supports a minor of skew."""
    if not config.trusted_members:
        return
    oldest = min(config.trusted_members, key=lambda member: minor(config.istio_version(member)))
    for member in config.trusted_members:
        release, other = config.istio_version(member), config.istio_version(oldest)
        if steps_between(other, release) > 1:
            yield Violation(
                path=("clusters", member, "istioVersion"),
                message=f"{release!r} is more than one minor over the {other!r} of {oldest!r}; "
                f"upgrade {oldest!r} first",
            )


def _minor(release: str) -> str:
    return ".".join(map(str, minor(release)))


def _sorted(minors: frozenset[str]) -> str:
    return ", ".join(sorted(minors, key=minor))


def _layers(config: FleetConfig) -> Iterator[Violation]:
    if Layer.WORKLOADS in config.layers and Layer.KARMADA not in config.layers:
        yield Violation(
            path=("layers",),
            message=f"{[str(layer) for layer in config.layers]!r} has workloads, which Karmada places; add karmada",
        )


def _karmada(config: FleetConfig) -> Iterator[Violation]:
    """The chart spreads replicas of the API server over nodes by required anti-affinity."""
    manager = next((cluster for cluster in config.clusters.values() if cluster.role is Role.MANAGER), None)
    if manager is None:
        return
    nodes = sum(pool.autoscaler.min if pool.autoscaler else pool.count for pool in manager.pools.values())
    replicas = config.api_server_replicas
    own = config.karmada.api_server_replicas is not None
    if replicas > nodes:
        yield Violation(
            path=("karmada", "apiServerReplicas") if own else ("componentReplicas",),
            message=f"{replicas} replicas of Karmada's API server need a node each, and the manager has {nodes}; lower "
            "it or add nodes",
            about_all_clusters=True,
        )
    if config.karmada.endpoint is EndpointMode.NODE and replicas > 1:
        remedy = "" if own else ", or karmada.apiServerReplicas of 1 beside componentReplicas"
        yield Violation(
            path=("karmada", "endpoint"),
            message=f"'node' leads to one node only; replicas of the API server need 'loadBalancer'{remedy}",
        )
    yield from _karmada_acl(config)


def _karmada_acl(config: FleetConfig) -> Iterator[Violation]:
    acl = config.karmada.acl
    if acl is None:
        return
    if not acl.ipv4:
        yield Violation(
            path=("karmada", "acl", "ipv4"),
            message="is missing, and Karmada's address is an IPv4 one, at which members alone would be let in; name "
            "the networks of operators and of whoever runs `pulumi up`",
        )
    if (count := len(acl.ipv4) + len(acl.ipv6)) > FIREWALL_ADDRESSES:
        yield Violation(
            path=("karmada", "acl"),
            message=f"{count} networks are over the {FIREWALL_ADDRESSES} of a rule of Linode's firewalls, in which "
            "members' nodes have to be as well; name wider ones",
        )


def _lifetimes(config: FleetConfig) -> Iterator[Violation]:
    """A certificate must end before its issuer, and be renewed while it is valid."""
    karmada, mesh = config.certs.karmada, config.certs.mesh
    for section, leaf_key, leaf, renewal, ca_key, authority in (
        ("karmada", "leafDays", karmada.leaf_days, karmada.renew_before_days, "caDays", karmada.ca_days),
        (
            "mesh",
            "intermediateDays",
            mesh.intermediate_days,
            mesh.renew_before_days,
            "rootDays",
            mesh.root_days,
        ),
    ):
        if leaf + renewal > authority:
            yield Violation(
                path=("certs", section, leaf_key),
                message=f"{leaf} and {renewal} days of renewal are over the {authority} of {ca_key}, and a certificate "
                "must end before its issuer; shorten it",
            )
        if renewal >= leaf:
            yield Violation(
                path=("certs", section, "renewBeforeDays"),
                message=f"{renewal} is not under the {leaf} of {leaf_key}, so every update would renew; lower it",
            )


def _roots(config: FleetConfig) -> Iterator[Violation]:
    mesh = config.certs.mesh
    for name, count in Counter(mesh.roots).items():
        if count > 1:
            yield Violation(path=("certs", "mesh", "roots"), message=f"{name!r} stands {count} times; drop the others")
    if mesh.signing_root not in mesh.roots:
        yield Violation(
            path=("certs", "mesh", "signing"),
            message=f"{mesh.signing_root!r} is not trusted by anyone; add it to roots, or take one of "
            f"{', '.join(mesh.roots)}",
        )


def _encryption(config: FleetConfig) -> Iterator[Violation]:
    encryption = config.karmada.encryption
    for name, count in Counter(encryption.keys).items():
        if count > 1:
            yield Violation(
                path=("karmada", "encryption", "keys"), message=f"{name!r} stands {count} times; drop the others"
            )
    if encryption.writing_key not in encryption.keys:
        yield Violation(
            path=("karmada", "encryption", "writing"),
            message=f"{encryption.writing_key!r} is not a key; add it to keys, or take one of "
            f"{', '.join(encryption.keys)}",
        )


def _acknowledged(config: FleetConfig) -> Iterator[Violation]:
    """Words that are for nothing would let something happen unseen later."""
    for index, words in enumerate(config.acknowledged):
        harm, _, cluster = words.partition(" ")
        path = ("acknowledged", str(index))
        if harm == "delete" and cluster in config.clusters:
            yield Violation(path=path, message=f"{words!r}, and the cluster is still in clusters; remove one of both")
        elif harm != "delete" and cluster not in config.clusters:
            yield Violation(
                path=path,
                message=f"{cluster!r} is not a cluster; the clusters are {', '.join(config.clusters)}",
                about_all_clusters=True,
            )
