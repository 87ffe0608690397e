"""What Linode sells and where, at its published prices: regions, plans, service prices and Kubernetes versions.

The YAML files beside this module hold the data, each with its source at the top. `Catalogue.load` turns them into
the objects of the API's answers. The Kubernetes versions are those that the toolchain can build.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.linode.schemas.catalogue import LinodeType, LkeTier, LkeVersion, PriceListEntry, Region, TieredLkeVersion
from sandbox.linode.schemas.object_storage import StorageEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = Path(__file__).parent
_KUBERNETES_LOCK = Path(__file__).parents[2] / "toolchain" / "modules" / "kubernetes" / "go.mod"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything that can be looked up with no account; each mapping is keyed by the entry's id."""

    regions: Mapping[str, Region]
    types: Mapping[str, LinodeType]
    nodebalancer_types: Mapping[str, PriceListEntry]
    volume_types: Mapping[str, PriceListEntry]
    lke_types: Mapping[str, PriceListEntry]
    object_storage_types: Mapping[str, PriceListEntry]
    storage_endpoints: tuple[StorageEndpoint, ...]
    kubernetes_versions: tuple[str, ...]

    @classmethod
    def load(cls, *, kubernetes_versions: tuple[str, ...] = ()) -> Catalogue:
        """Read the data files.

        Args:
            kubernetes_versions: minor versions that clusters may have ("1.35"); by default the toolchain's.

        """
        return replace(_published(), kubernetes_versions=kubernetes_versions or buildable_kubernetes_versions())

    def lke_versions(self) -> list[LkeVersion]:
        """The Kubernetes versions on offer, newest first, as GET /lke/versions lists them."""
        newest_first = sorted(self.kubernetes_versions, key=version_key, reverse=True)
        return [LkeVersion(id=version) for version in newest_first]

    def tiered_lke_versions(self, tier: LkeTier) -> list[TieredLkeVersion]:
        """The versions of one tier; the enterprise tier has none here, since its builds are Akamai's own."""
        if tier is LkeTier.ENTERPRISE:
            return []
        return [TieredLkeVersion(id=version.id, tier=tier) for version in self.lke_versions()]


def version_key(version: str) -> tuple[int, ...]:
    """The version as numbers, so that 1.9 sorts before 1.10."""
    return tuple(int(part) for part in version.split("."))


@cache
def buildable_kubernetes_versions() -> tuple[str, ...]:
    """The minor version of Kubernetes that the toolchain's go.mod pins; LKE names versions by minor.

    Raises LookupError if the go.mod requires no k8s.io/kubernetes.
    """
    match = re.search(r"^\s*k8s\.io/kubernetes v(\d+\.\d+)\.\d+", _KUBERNETES_LOCK.read_text(), re.MULTILINE)
    if match is None:
        raise LookupError(f"{_KUBERNETES_LOCK} requires no k8s.io/kubernetes: which clusters can be built?")
    return (match.group(1),)


@cache
def _published() -> Catalogue:
    """The data files, read once; everything in them is immutable."""
    services = _read("services.yaml")
    storage = _read("object_storage.yaml")
    return Catalogue(
        regions=_regions(_read("regions.yaml")),
        types=_types(_read("types.yaml")),
        nodebalancer_types=_prices(services["nodebalancers"]),
        volume_types=_prices(services["volumes"]),
        lke_types=_prices(services["lke"]),
        object_storage_types=_prices(storage["types"]),
        storage_endpoints=tuple(StorageEndpoint.model_validate(entry) for entry in storage["endpoints"]),
        kubernetes_versions=(),
    )


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((_DATA / name).read_text())
    return data


def _regions(data: dict[str, Any]) -> dict[str, Region]:
    return {
        region_id: Region(
            id=region_id,
            label=entry["label"],
            country=entry["country"],
            capabilities=[
                *data["everywhere"],
                *(data["newer"] if entry.get("newer") else []),
                *entry["also"],
            ],
        )
        for region_id, entry in data["regions"].items()
    }


def _types(data: dict[str, Any]) -> dict[str, LinodeType]:
    return {
        type_id: LinodeType.model_validate(
            {
                **{name: value for name, value in entry.items() if "price" not in name and name != "backups"},
                **_price_fields(entry),
                "id": type_id,
                "class": type_class,
                "addons": {
                    "backups": _price_fields(
                        {
                            "price": entry["backups"],
                            "region_prices": entry.get("backups_region_prices", {}),
                        }
                    )
                },
            }
        )
        for type_class, entries in data.items()
        for type_id, entry in entries.items()
    }


def _prices(data: dict[str, Any]) -> dict[str, PriceListEntry]:
    return {
        entry_id: PriceListEntry.model_validate({"id": entry_id, "label": entry["label"], **_price_fields(entry)})
        for entry_id, entry in data.items()
    }


def _price_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """`price` and `region_prices` of the API from the data files' [hourly, monthly] pairs."""
    hourly, monthly = entry["price"]
    return {
        "price": {"hourly": hourly, "monthly": monthly},
        "region_prices": [
            {"id": region, "hourly": price[0], "monthly": price[1]}
            for region, price in entry.get("region_prices", {}).items()
        ],
    }
