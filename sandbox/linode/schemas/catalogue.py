"""Regions, plans, prices and Kubernetes versions."""

from enum import StrEnum

from pydantic import Field

from sandbox.linode.schemas.base import ApiObject


class Price(ApiObject):
    """What something costs in US dollars."""

    hourly: float
    monthly: float


class RegionPrice(Price):
    """The price in a region that is dearer than the others."""

    id: str


class PriceListEntry(ApiObject):
    """A service with a price of its own: a NodeBalancer, a volume's GB, a control plane."""

    id: str
    label: str
    price: Price
    region_prices: list[RegionPrice]
    transfer: int = 0


class BackupsAddon(ApiObject):
    """The price of backups for a plan."""

    price: Price
    region_prices: list[RegionPrice]


class Addons(ApiObject):
    """What can be bought with a plan."""

    backups: BackupsAddon


class LinodeType(PriceListEntry):
    """A plan; memory and disk in MiB, transfer in GB a month, network_out in Mbit/s."""

    addons: Addons
    memory: int
    disk: int
    vcpus: int
    gpus: int = 0
    accelerated_devices: int = 0
    network_out: int
    class_: str = Field(alias="class")
    successor: str | None = None


class Resolvers(ApiObject):
    """DNS resolvers of a region, comma-separated; empty here, since the sandbox has no such servers."""

    ipv4: str = ""
    ipv6: str = ""


class PlacementGroupLimits(ApiObject):
    """Limits on placement groups, the same in all regions."""

    maximum_pgs_per_customer: int | None = None
    maximum_linodes_per_pg: int = 5
    maximum_linodes_per_flexible_pg: int = 5


class Monitors(ApiObject):
    """Services that a region can watch."""

    alerts: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


class Region(ApiObject):
    """A data centre and what can be had there."""

    id: str
    label: str
    country: str
    capabilities: list[str]
    status: str = "ok"
    resolvers: Resolvers = Resolvers()
    placement_group_limits: PlacementGroupLimits = PlacementGroupLimits()
    monitors: Monitors = Monitors()
    site_type: str = "core"


class LkeTier(StrEnum):
    """A cluster's service level."""

    STANDARD = "standard"
    ENTERPRISE = "enterprise"


class LkeVersion(ApiObject):
    """A minor version of Kubernetes."""

    id: str


class TieredLkeVersion(LkeVersion):
    """A version and the tier that offers it."""

    tier: LkeTier
