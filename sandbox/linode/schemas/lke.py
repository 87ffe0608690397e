"""LKE clusters, node pools, nodes and what gives access to them."""

import ipaddress
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from sandbox.linode.backend import TaintEffect
from sandbox.linode.schemas.base import ApiObject, RequestObject
from sandbox.linode.schemas.catalogue import LkeTier
from sandbox.linode.schemas.naming import ClusterLabel, LabelKey, LabelValue, Tags, TaintKey

MAX_NODES = 100
"""The largest pool of a standard cluster."""


def _count(value: int) -> int:
    if not 1 <= value <= MAX_NODES:
        raise PydanticCustomError("count", f"Must be between 1 and {MAX_NODES}")
    return value


def _ipv4_network(text: str) -> str:
    try:
        return str(ipaddress.IPv4Network(text, strict=False))
    except ValueError as error:
        raise PydanticCustomError("ipv4", "Must be an IPv4 address or a range in CIDR format") from error


_NO_IPV6: Final = "Must be an IPv6 address or a range in CIDR format"


def _ipv6_network(text: str) -> str:
    try:
        network = ipaddress.IPv6Network(text, strict=False)
    except ValueError as error:
        raise PydanticCustomError("ipv6", _NO_IPV6) from error
    # Python takes a zone too (fe80::%eth0).
    if "%" in text:
        raise PydanticCustomError("ipv6", _NO_IPV6)
    return str(network)


NodeCount = Annotated[int, AfterValidator(_count)]
Ipv4Network = Annotated[str, AfterValidator(_ipv4_network)]
Ipv6Network = Annotated[str, AfterValidator(_ipv6_network)]


class AutoscalerRequest(RequestObject):
    """How far a pool may grow and shrink by itself."""

    enabled: bool = False
    min: NodeCount | None = None
    max: NodeCount | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.enabled and (self.min is None or self.max is None):
            raise PydanticCustomError("autoscaler", "An enabled autoscaler needs min and max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise PydanticCustomError("autoscaler", "min must not be greater than max")
        return self


class TaintRequest(RequestObject):
    """A taint of a pool's nodes."""

    key: TaintKey
    value: LabelValue | None = None
    effect: Annotated[TaintEffect, Field(strict=False)]


def _told_apart(taints: list[TaintRequest]) -> list[TaintRequest]:
    pairs = [(taint.key, taint.effect) for taint in taints]
    if len(set(pairs)) < len(pairs):
        raise PydanticCustomError("taints", "Taints must be unique by key and effect")
    return taints


class DiskRequest(RequestObject):
    """An extra disk of a pool's nodes; size in MiB."""

    size: Annotated[int, Field(gt=0, le=10_000_000)]
    type: Literal["raw", "ext4"]


class PoolUpdate(RequestObject):
    """What can change of a pool."""

    count: NodeCount | None = None
    autoscaler: AutoscalerRequest | None = None
    label: Annotated[str, Field(max_length=63)] | None = None
    labels: dict[LabelKey, LabelValue] | None = None
    taints: Annotated[list[TaintRequest], AfterValidator(_told_apart)] | None = None
    tags: Tags | None = None
    firewall_id: Annotated[int, Field(ge=0, lt=2**53)] | None = None


class PoolCreate(PoolUpdate):
    """A pool to make."""

    type: str
    count: NodeCount
    disks: Annotated[list[DiskRequest], Field(max_length=7)] = Field(default_factory=list)
    disk_encryption: Literal["enabled", "disabled"] = "disabled"


class AclAddressesRequest(RequestObject):
    """Networks that may reach the API server."""

    ipv4: list[Ipv4Network] | None = None
    ipv6: list[Ipv6Network] | None = None


class AclRequest(RequestObject):
    """Who may reach the API server."""

    enabled: bool | None = None
    revision_id: Annotated[str, Field(max_length=64)] | None = Field(default=None, alias="revision-id")
    addresses: AclAddressesRequest | None = None


class AclUpdate(RequestObject):
    """The body of PUT control_plane_acl."""

    acl: AclRequest


class ControlPlaneRequest(RequestObject):
    """How the control plane should be."""

    high_availability: bool | None = None
    audit_logs_enabled: bool | None = None
    acl: AclRequest | None = None


class ClusterUpdate(RequestObject):
    """What can change of a cluster."""

    label: ClusterLabel | None = None
    k8s_version: str | None = None
    tags: Tags | None = None
    control_plane: ControlPlaneRequest | None = None


class ClusterCreate(ClusterUpdate):
    """A cluster to make."""

    label: ClusterLabel
    region: str
    k8s_version: str
    node_pools: Annotated[list[PoolCreate], Field(max_length=100)] = Field(default_factory=list)
    apl_enabled: Literal[False] = False

    @property
    def wanted_tier(self) -> LkeTier:
        """What there is for everybody."""
        return LkeTier.STANDARD


class BetaClusterCreate(ClusterCreate):
    """A cluster to make, below /v4beta."""

    tier: Annotated[LkeTier, Field(strict=False)] = LkeTier.STANDARD

    @property
    def wanted_tier(self) -> LkeTier:
        """What is asked for."""
        return self.tier


class Regenerate(RequestObject):
    """Which credentials to make anew."""

    kubeconfig: bool = False
    servicetoken: bool = False


class ControlPlane(ApiObject):
    """How the control plane is."""

    high_availability: bool
    audit_logs_enabled: bool


class Cluster(ApiObject):
    """A cluster, as the API shows it."""

    id: int
    status: Literal["ready", "not_ready"] = "ready"
    created: str
    updated: str
    label: str
    region: str
    k8s_version: str
    control_plane: ControlPlane
    apl_enabled: bool = False
    tags: tuple[str, ...]
    locks: tuple[str, ...] = ()


class BetaCluster(Cluster):
    """A cluster, as the API shows it below /v4beta."""

    tier: str


class NodeStatus(StrEnum):
    """Whether Kubernetes can use a node."""

    READY = "ready"
    NOT_READY = "not_ready"


class Node(ApiObject):
    """A node of a pool."""

    id: str
    instance_id: int
    pool_id: int
    status: NodeStatus


class AutoscalerState(ApiObject):
    """How far a pool may grow and shrink by itself."""

    enabled: bool
    min: int
    max: int


class TaintState(ApiObject):
    """A taint of a pool's nodes."""

    key: str
    value: str | None
    effect: str


class DiskState(ApiObject):
    """An extra disk of a pool's nodes."""

    size: int
    type: str


class Pool(ApiObject):
    """A node pool, as the API shows it."""

    id: int
    type: str
    label: str
    count: int
    nodes: tuple[Node, ...]
    disks: tuple[DiskState, ...]
    autoscaler: AutoscalerState
    labels: dict[str, str]
    taints: tuple[TaintState, ...]
    tags: tuple[str, ...]
    disk_encryption: str
    firewall_id: int | None
    locks: tuple[str, ...] = ()


class Endpoint(ApiObject):
    """Where the API server is."""

    endpoint: str


class AclAddresses(ApiObject):
    """Networks that may reach the API server."""

    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]


class AclState(ApiObject):
    """Who may reach the API server."""

    enabled: bool
    revision_id: str = Field(alias="revision-id")
    addresses: AclAddresses


class ControlPlaneAcl(ApiObject):
    """The answer of control_plane_acl."""

    acl: AclState
