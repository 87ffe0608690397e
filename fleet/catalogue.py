"""Checks the config against what Linode offers today, before anything is registered.

fleet/rules.py needs no account; this needs the API (its region, type and LKE version lists, which are public).
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import pulumi_linode as linode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.deployed import Deployed
    from fleet.settings import FleetConfig

KUBERNETES_CAPABILITY: Final = "Kubernetes"
"""What a region must be capable of (Linode API v4, GET /regions)."""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What can be ordered: region, node type and Kubernetes version identifiers."""

    regions: frozenset[str]
    types: frozenset[str]
    kubernetes_versions: frozenset[str]


def fetch() -> Catalogue:
    """Ask the Linode API, through the provider, what it offers."""
    return Catalogue(
        regions=frozenset(
            region.id for region in linode.get_regions().regions or () if KUBERNETES_CAPABILITY in region.capabilities
        ),
        types=frozenset(kind.id for kind in linode.get_instance_types().types or ()),
        kubernetes_versions=frozenset(version.id for version in linode.get_lke_versions().versions or ()),
    )


def errors(config: FleetConfig, catalogue: Catalogue, deployed: Deployed) -> list[str]:
    """Every value that Linode does not offer, and what is close to it.

    What a cluster has already is not ordered: Linode retires versions and types, and what runs with them still has to
    be drained, and its certificates renewed.
    """
    return [
        f"{key}: {value!r} is not {kind}{_hint(value, offered)}"
        for name in config.clusters
        for key, value, had, kind, offered in _orders(name, config, catalogue, deployed)
        if value not in offered and value != had
    ]


def _orders(
    name: str, config: FleetConfig, catalogue: Catalogue, deployed: Deployed
) -> Iterator[tuple[str, str, str | None, str, frozenset[str]]]:
    """What a cluster asks for: key, value, the value that it has already, what it is, and what there is of that."""
    key, cluster, there = f"clusters.{name}", config.clusters[name], deployed.cluster(name)
    region, version = (there.region, there.version) if there else (None, None)
    types = {pool.name: pool.type for pool in there.pools} if there else {}
    wanted, versions = config.kubernetes_version(name), catalogue.kubernetes_versions
    yield f"{key}.region", cluster.region, region, "a region with LKE", catalogue.regions
    yield f"{key}.kubernetesVersion", wanted, version, "a Kubernetes version of LKE", versions
    for pool, spec in cluster.pools.items():
        yield f"{key}.pools.{pool}.type", spec.type, types.get(pool), "a node type", catalogue.types


def _hint(value: str, offered: frozenset[str]) -> str:
    if close := get_close_matches(value, sorted(offered), n=3, cutoff=0.5):
        return f"; did you mean {', '.join(close)}?"
    return f"; Linode offers {', '.join(sorted(offered))}"
