"""What one LKE cluster is made of, as sections of the stack config: node pools, and who may reach a control plane."""

from __future__ import annotations

import enum
from collections import Counter
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fleet.config.fields import LabelKey, LabelValue, Model, TaintKey

if TYPE_CHECKING:
    from collections.abc import Iterable


class Autoscaler(Model):
    """Bounds of a node pool's autoscaler, in nodes."""

    min: Annotated[int, Field(ge=1, le=100)]
    max: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is over max {self.max}; swap them")
        return self


class TaintEffect(enum.StrEnum):
    """Kubernetes' taint effects."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Taint(Model):
    """A taint of every node in a pool. Kubernetes takes one without a value, Linode's provider does not."""

    key: TaintKey
    value: Annotated[LabelValue, Field(min_length=1)]
    effect: TaintEffect


def _told_apart(taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Kubelet registers no node with two taints of one key and effect."""
    for (key, effect), count in Counter((taint.key, taint.effect) for taint in taints).items():
        if count > 1:
            raise ValueError(f"{key!r} has the effect {effect} {count} times, which no node can have; keep one value")
    return taints


class NodePool(Model):
    """Nodes of one type; LKE takes 1 to 100 of them in a pool, and an autoscaled one begins with its minimum."""

    type: str
    count: Annotated[int, Field(ge=1, le=100)] = 1
    autoscaler: Autoscaler | None = None
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    taints: Annotated[tuple[Taint, ...], AfterValidator(_told_apart)] = ()

    @model_validator(mode="before")
    @classmethod
    def _begin_with_the_minimum(cls, given: Any) -> Any:
        if isinstance(given, dict) and "count" not in given and isinstance(given.get("autoscaler"), dict):
            return {**given, "count": given["autoscaler"].get("min", 1)}
        return given

    @model_validator(mode="after")
    def _count_within_autoscaler(self) -> Self:
        bounds = self.autoscaler
        if bounds and not bounds.min <= self.count <= bounds.max:
            raise ValueError(
                f"count {self.count} is outside the autoscaler's {bounds.min} to {bounds.max}; set it within or drop it"
            )
        return self


def _network(value: Any, kind: type[NetworkT]) -> NetworkT:
    """A network as text; Python takes a number for one too, and reads 10 as 0.0.0.10."""
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a network as text, such as 203.0.113.0/24")  # noqa: TRY004 - what pydantic reports
    try:
        loose = kind(value, strict=False)
    except ValueError:
        version = 4 if kind is IPv4Network else 6
        raise ValueError(f"must be an IPv{version} network, such as {_EXAMPLES[version]}") from None
    if "%" in value:
        raise ValueError("must be a network without a zone, which means something on one machine alone")
    try:
        return kind(value)
    except ValueError:
        address = value.partition("/")[0]
        raise ValueError(f"means either {loose} or {address}/{loose.max_prefixlen}; write which one") from None


NetworkT = TypeVar("NetworkT", IPv4Network, IPv6Network)
_EXAMPLES: Final = {4: "203.0.113.0/24", 6: "2001:db8::/32"}


class Acl(Model):
    """Who may reach a control plane; everybody else is refused. Networks in CIDR notation."""

    ipv4: tuple[Annotated[IPv4Network, BeforeValidator(partial(_network, kind=IPv4Network))], ...] = ()
    ipv6: tuple[Annotated[IPv6Network, BeforeValidator(partial(_network, kind=IPv6Network))], ...] = ()

    @model_validator(mode="after")
    def _lets_somebody_in(self) -> Self:
        if not self.ipv4 and not self.ipv6:
            raise ValueError("with no network in it nobody could reach the control plane; name a network, or drop it")
        return self

    def lets_in(self, address: IPv4Address) -> bool:
        """Whether an IPv4 address is in a network that is named."""
        return any(address in network for network in self.ipv4)

    def outside(self, nodes: Iterable[str]) -> list[IPv4Address]:
        """The nodes that are in no network that is named, in order."""
        return sorted({address for address in map(IPv4Address, nodes) if not self.lets_in(address)})

    def with_nodes(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """The IPv4 networks as Linode spells them, and after them the nodes that are in none of them."""
        return *dict.fromkeys(map(str, self.ipv4)), *(f"{address}/32" for address in self.outside(nodes))


class ClusterAcl(Acl):
    """Who may reach a cluster's control plane; with `peers` also the nodes of the other members, wherever they are."""

    peers: bool = False

    @property
    def lets_everybody_in(self) -> bool:
        """Whether no IPv4 address is refused."""
        return any(network.prefixlen == 0 for network in self.ipv4)
