"""One workload's entry in the stack config, and where its images are pulled from.

fleet/config/workload_fields.py has the kinds of values, fleet/config/workload_rules.py the rules between entries, and
fleet/workloads/ what an entry becomes.
"""

from __future__ import annotations

import enum
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

# pydantic reads it at run time, and before Python 3.12 takes no other.
from typing_extensions import TypedDict

from fleet.config.fields import Model
from fleet.config.hosts import Hosts  # noqa: TC001 - pydantic reads the annotations at run time
from fleet.config.images import Image, RegistryHost
from fleet.config.secrets import FreeForm
from fleet.config.workload_fields import (
    HTTP_PROTOCOLS,
    MOST_REPLICAS,
    Cpu,
    FilePath,
    Memory,
    Namespace,
    PodLabelKey,
    PodLabelValue,
    PortName,
    PortNumber,
    PortReference,
    Reference,
    Seconds,
    Share,
    Text,
    UrlPath,
    UserId,
    Variable,
    Weights,
    amount,
    in_full,
    protocol_of,
)
from fleet.naming import DEFAULT_NAMESPACE


class TrafficMode(enum.StrEnum):
    """Whether requests prefer their own region, or spread over all."""

    LOCALITY = "locality"
    GLOBAL = "global"


class Port(Model):
    """At which a workload is called, and where its container listens; a number alone is both."""

    port: PortNumber
    target: PortNumber | None = None

    @property
    def listens(self) -> int:
        """Where the container listens."""
        return self.target or self.port


class Probe(Model):
    """How kubelet asks: for a path, by a command, or whether the port takes connections. A path alone is enough."""

    path: UrlPath | None = None
    port: PortReference | None = None
    command: tuple[str, ...] = ()
    initial_delay_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    period_seconds: Seconds | None = None
    timeout_seconds: Seconds | None = None
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] | None = None


class Probes(Model):
    """When a container takes calls, when it is started anew, and how long it may take to start."""

    ready: Annotated[Probe, in_full("path", str)] | None = None
    live: Annotated[Probe, in_full("path", str)] | None = None
    startup: Annotated[Probe, in_full("path", str)] | None = None

    @property
    def given(self) -> dict[str, Probe]:
        """Those that the entry has, by key."""
        return {key: probe for key, probe in self if probe is not None}


class Limits(Model):
    """What a container may take at most."""

    cpu: Cpu | None = None
    memory: Memory | None = None


class PodResources(Model):
    """What a container asks for, and what it may take."""

    cpu: Cpu = "10m"
    memory: Memory = "32Mi"
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        if wrong := self.over_limit:
            raise ValueError(wrong)
        return self

    @property
    def over_limit(self) -> str:
        """What asks for more than it may take; nothing where nothing does."""
        for name, asked, limit in (("cpu", self.cpu, self.limits.cpu), ("memory", self.memory, self.limits.memory)):
            if limit is not None and amount(asked) > amount(limit):
                return f"{name} asks for {asked}, which is over its limit of {limit}; raise the limit"
        return ""


class ResourceChanges(Model):
    """What a container asks for and may take otherwise."""

    cpu: Cpu | None = None
    memory: Memory | None = None
    limits: Limits = Limits()


class MemberChanges(Model):
    """What is otherwise in one member."""

    image: Image | None = None
    env: dict[Variable, Text] = Field(default_factory=dict)
    resources: ResourceChanges = ResourceChanges()


class WorkloadIngress(Model):
    """For which hosts and paths every member's ingress gateway leads to a workload, and to which of its ports."""

    hosts: Hosts
    paths: Annotated[tuple[UrlPath, ...], Field(min_length=1)] = ("/",)
    port: PortReference | None = None


class Disruption(Model):
    """How many pods of one member may be away at once while nodes are drained."""

    max_unavailable: Share


class WorkloadTraffic(Model):
    """How calls of one workload travel, where that is otherwise than `fleet:traffic` says."""

    mode: TrafficMode | None = None
    failover: tuple[str, ...] | None = None
    timeout_seconds: Seconds | None = None
    retries: Annotated[int, Field(ge=0, le=10)] | None = None


class Workload(Model):
    """One workload. What is not said is left out of its pods, but for the few defaults that are here."""

    image: Image | None = None
    """What it runs. Nothing else says that, and a rule asks for it."""
    namespace: Namespace = DEFAULT_NAMESPACE
    ports: dict[PortName, Annotated[Port, in_full("port", int)]] = Field(default_factory=dict)
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: dict[Variable, Text] = Field(default_factory=dict)
    secret_env: Annotated[dict[Variable, Reference], FreeForm()] = Field(default_factory=dict)
    files: dict[FilePath, Text] = Field(default_factory=dict)
    labels: dict[PodLabelKey, PodLabelValue] = Field(default_factory=dict)
    probes: Probes = Probes()
    resources: PodResources = PodResources()
    run_as_user: UserId = 1000
    termination_grace_period_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    replicas: Annotated[int, Field(ge=0, le=MOST_REPLICAS)] = 3
    weights: Weights = Field(default_factory=dict)
    per_member: dict[str, MemberChanges] = Field(default_factory=dict)
    callers: tuple[str, ...] = ()
    ingress: WorkloadIngress | None = None
    disruption: Disruption | None = None
    traffic: WorkloadTraffic = WorkloadTraffic()

    @property
    def port_names(self) -> tuple[str, ...]:
        """The names of its ports, in order of their numbers."""
        return tuple(sorted(self.ports, key=lambda name: self.ports[name].port))

    @property
    def http_ports(self) -> tuple[str, ...]:
        """Those of the ports whose requests the mesh tells apart."""
        return tuple(name for name in self.port_names if protocol_of(name) in HTTP_PROTOCOLS)

    def resources_in(self, member: str) -> PodResources:
        """What its container asks for and may take in one member."""
        changes = self.per_member.get(member, MemberChanges()).resources
        limits = self.resources.limits.model_copy(update=changes.limits.model_dump(exclude_none=True))
        asked = changes.model_dump(exclude_none=True, include={"cpu", "memory"})
        return self.resources.model_copy(update=asked | {"limits": limits})

    @property
    def called(self) -> bool:
        """Whether anybody may call it."""
        return bool(self.callers or self.ingress)


def _username(value: str) -> str:
    if ":" in value:
        raise ValueError("has a colon, at which a login is split into name and password; take the name alone")
    return value


class RegistryLogin(TypedDict):
    """As whom images are pulled from a registry."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # so pydantic reads a TypedDict's config

    # A login is the name, a colon and the password (RFC 7617, section 2).
    username: Annotated[str, Field(min_length=1), AfterValidator(_username)]
    password: Reference


Registries = Annotated[dict[RegistryHost, RegistryLogin], FreeForm()]
