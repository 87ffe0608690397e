"""Checks the config against what Linode offers today, before anything is registered.

fleet/rules.py needs no account; this needs the API (its region, type and LKE version lists, which are public).
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import pulumi_linode as linode

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


def errors(config: FleetConfig, catalogue: Catalogue) -> list[str]:
    """Every value that Linode does not offer, and what is close to it."""
    found = []
    for name, cluster in config.clusters.items():
        offers = [
            (f"clusters.{name}.region", cluster.region, "a region with LKE", catalogue.regions),
            (
                f"clusters.{name}.kubernetesVersion",
                config.kubernetes_version(name),
                "a Kubernetes version of LKE",
                catalogue.kubernetes_versions,
            ),
            *(
                (f"clusters.{name}.pools.{pool}.type", spec.type, "a node type", catalogue.types)
                for pool, spec in cluster.pools.items()
            ),
        ]
        found += [
            f"{key}: {value!r} is not {kind}{_hint(value, of)}" for key, value, kind, of in offers if value not in of
        ]
    return found


def _hint(value: str, offered: frozenset[str]) -> str:
    if close := get_close_matches(value, sorted(offered), n=3, cutoff=0.5):
        return f"; did you mean {', '.join(close)}?"
    return f"; Linode offers {', '.join(sorted(offered))}"
