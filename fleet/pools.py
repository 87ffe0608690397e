"""What one LKE cluster is made of, as sections of the stack config: node pools, and who may reach the control plane."""

from __future__ import annotations

import enum
from ipaddress import IPv4Network, IPv6Network  # noqa: TC003 - pydantic reads the annotations at run time
from typing import Annotated, Self

from pydantic import Field, model_validator

from fleet.fields import LabelKey, LabelValue, Model


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

    key: LabelKey
    value: Annotated[LabelValue, Field(min_length=1)]
    effect: TaintEffect


class NodePool(Model):
    """Nodes of one type; LKE takes 1 to 100 of them in a pool."""

    type: str
    count: Annotated[int, Field(ge=1, le=100)] = 1
    autoscaler: Autoscaler | None = None
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    taints: tuple[Taint, ...] = ()

    @model_validator(mode="after")
    def _count_within_autoscaler(self) -> Self:
        bounds = self.autoscaler
        if bounds and not bounds.min <= self.count <= bounds.max:
            raise ValueError(
                f"count {self.count} is outside the autoscaler's {bounds.min} to {bounds.max}; set it within"
            )
        return self


class Acl(Model):
    """Who may reach a control plane; everybody else is refused. Networks in CIDR notation."""

    ipv4: tuple[IPv4Network, ...] = ()
    ipv6: tuple[IPv6Network, ...] = ()

    @model_validator(mode="after")
    def _lets_somebody_in(self) -> Self:
        if not self.ipv4 and not self.ipv6:
            raise ValueError("with no network in it nobody could reach the control plane; name a network, or drop it")
        return self
