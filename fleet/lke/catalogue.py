"""Checks the config against what Linode offers today, before anything is registered.

fleet/config/rules.py needs no account; this needs the API: its regions and types, which are public, and its LKE
versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import pulumi_linode as linode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fleet.config.settings import FleetConfig
    from fleet.deployed import Deployed

KUBERNETES_CAPABILITY: Final = "Kubernetes"
"""What a region must be capable of (Linode API v4, GET /regions)."""
STORAGE_CAPABILITY: Final = "Object Storage"
CAPABILITY_OF_CLASS: Final[Mapping[str, str]] = {
    "gpu": "GPU Linodes",
    "premium": "Premium Plans",
    "accelerated": "NETINT Quadra T1U",
}
"""What a region must be capable of besides, by the class of a node type (GET /linode/types)."""
TOO_SMALL: Final = "nanode"
"""The class that LKE has no nodes of."""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What can be ordered."""

    regions: Mapping[str, frozenset[str]]
    """What each region with LKE is capable of."""
    types: Mapping[str, str]
    """The class of each node type."""
    kubernetes_versions: frozenset[str]
    storage_regions: frozenset[str] = frozenset()
    """The regions with Object Storage."""

    def usable_types(self, region: str) -> frozenset[str]:
        """The types that nodes in a region can have; in an unknown one, those that they can have anywhere."""
        capabilities = self.regions.get(region)
        return frozenset(
            name
            for name, kind in self.types.items()
            if kind != TOO_SMALL
            and (capabilities is None or CAPABILITY_OF_CLASS.get(kind, KUBERNETES_CAPABILITY) in capabilities)
        )


def fetch() -> Catalogue:
    """Ask the Linode API, through the provider, what it offers."""
    regions = {region.id: frozenset(region.capabilities) for region in linode.get_regions().regions or ()}
    return Catalogue(
        regions={name: found for name, found in regions.items() if KUBERNETES_CAPABILITY in found},
        types={kind.id: kind.class_ for kind in linode.get_instance_types().types or ()},
        storage_regions=frozenset(name for name, found in regions.items() if STORAGE_CAPABILITY in found),
        kubernetes_versions=frozenset(version.id for version in linode.get_lke_versions().versions or ()),
    )


def errors(config: FleetConfig, catalogue: Catalogue, deployed: Deployed) -> list[str]:
    """Every value that Linode does not offer, and what is close to it.

    What a cluster has already is not ordered: Linode retires versions and types, and what runs with them still has to
    be drained, and its certificates renewed.
    """
    return [
        f"{key}: {value!r} {wrong}"
        for name in config.clusters
        for key, value, had, wrong in _wrong_orders(name, config, catalogue, deployed)
        if value != had
    ] + _wrong_storage(config, catalogue, deployed)


def _wrong_storage(config: FleetConfig, catalogue: Catalogue, deployed: Deployed) -> list[str]:
    backup = config.karmada.backup
    had = deployed.backups.region if deployed.backups else None
    if backup is None or backup.region in catalogue.storage_regions or backup.region == had:
        return []
    hint = _hint(backup.region, catalogue.storage_regions)
    return [f"karmada.backup.region: {backup.region!r} is not a region with Object Storage{hint}"]


def _wrong_orders(
    name: str, config: FleetConfig, catalogue: Catalogue, deployed: Deployed
) -> Iterator[tuple[str, str, str | None, str]]:
    """What a cluster asks for and cannot have: key, value, the value that it has already, and what is wrong with it."""
    key, cluster, there = f"clusters.{name}", config.clusters[name], deployed.cluster(name)
    region, version = (there.region, there.version) if there else (None, None)
    types = {pool.name: pool.type for pool in there.pools} if there else {}
    wanted, versions = config.kubernetes_version(name, version), catalogue.kubernetes_versions
    if cluster.region not in catalogue.regions:
        wrong = f"is not a region with LKE{_hint(cluster.region, catalogue.regions)}"
        yield f"{key}.region", cluster.region, region, wrong
    if wanted not in versions:
        yield (
            f"{key}.kubernetesVersion",
            wanted,
            version,
            f"is not a Kubernetes version of LKE{_hint(wanted, versions)}",
        )
    for pool, spec in cluster.pools.items():
        if wrong := _wrong_type(spec.type, cluster.region, catalogue):
            yield f"{key}.pools.{pool}.type", spec.type, types.get(pool), wrong


def _wrong_type(name: str, region: str, catalogue: Catalogue) -> str:
    """Why nodes in a region cannot have a type; nothing where they can."""
    usable, kind = catalogue.usable_types(region), catalogue.types.get(name)
    if name in usable:
        return ""
    if kind is None:
        return f"is not a node type{_hint(name, usable)}"
    if kind == TOO_SMALL:
        return f"is too small for LKE{_hint(name, usable)}"
    capability = CAPABILITY_OF_CLASS[kind]
    elsewhere = sorted(other for other, capabilities in catalogue.regions.items() if capability in capabilities)
    places = f", or one of the regions {', '.join(elsewhere)}" if elsewhere else ""
    return f"takes a region with {capability}, and {region} has none; take another type{places}"


def _hint(value: str, offered: Collection[str]) -> str:
    if close := get_close_matches(value, sorted(offered), n=3, cutoff=0.5):
        return f"; did you mean {', '.join(close)}?"
    return f"; Linode offers {', '.join(sorted(offered))}"
