"""The stack config as frozen models: what each section holds, its defaults, and the rules inside a section.

fleet/config/rules.py has the rules between sections, fleet/config/reader.py reads and reports.
"""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import Field

from fleet import versions
from fleet.config.certs import Certs
from fleet.config.enforcement import Guardrails
from fleet.config.etcd import Backup, Encryption, Etcd
from fleet.config.fields import (
    Acknowledgement,
    ClusterName,
    DnsLabel,
    Generation,
    IstioRelease,
    KarmadaRelease,
    KubernetesMinor,
    Model,
    Resources,
    Tag,
)
from fleet.config.images import Repository  # noqa: TC001 - pydantic reads the annotations at run time
from fleet.config.pools import Acl, ClusterAcl, NodePool, Taint  # noqa: TC001 - pydantic reads the annotations at run time
from fleet.config.secrets import Secret, Values  # noqa: TC001 - likewise
from fleet.config.workload_fields import Seconds, WorkloadName  # noqa: TC001 - likewise
from fleet.config.workloads import Registries, TrafficMode, Workload


class Role(enum.StrEnum):
    """What a cluster is for: the manager runs Karmada, members run workloads."""

    MANAGER = "manager"
    MEMBER = "member"


class Layer(enum.StrEnum):
    """What can be built on the clusters."""

    KARMADA = "karmada"
    MESH = "mesh"
    WORKLOADS = "workloads"


class EndpointMode(enum.StrEnum):
    """How members reach Karmada's API server: by the manager's first node, or by a load balancer."""

    NODE = "node"
    LOAD_BALANCER = "loadBalancer"


class Cluster(Model):
    """One LKE cluster. Members need a network of their own, the manager has none."""

    role: Role = Role.MEMBER
    region: DnsLabel
    network: DnsLabel | None = None
    pools: Annotated[dict[DnsLabel, NodePool], Field(min_length=1)]
    high_availability: bool = False
    acl: ClusterAcl | None = None
    kubernetes_version: KubernetesMinor | None = None
    istio_version: IstioRelease | None = None
    drained: bool = False
    expelled: bool = False
    protect: bool = False


class Versions(Model):
    """Versions that go together; fleet/config/rules.py says which do."""

    kubernetes: KubernetesMinor = versions.DEFAULT_KUBERNETES
    karmada: KarmadaRelease = versions.KARMADA
    karmada_chart: KarmadaRelease = versions.KARMADA_CHART
    istio: IstioRelease = versions.ISTIO_CHART


class Failover(Model):
    """Moving replicas out of a member that was not ready for some seconds, and back when it was ready for as long.

    Karmada has no such time of its own since 1.15. The default is what agents may need to report again after the
    manager was away (docs/karmada.md).
    """

    enabled: bool = True
    toleration_seconds: Annotated[int, Field(ge=0, le=86400)] = 300
    come_home: bool = True


class Agent(Model):
    """The agent in every member, of the control plane's version.

    One replica reports, and the others stand by: a member whose only agent goes with its node is silent for as long as
    Kubernetes takes to give that node up. Without a word, there are as many as of every other component.
    """

    replicas: Annotated[int, Field(ge=1, le=5)] | None = None
    image: Repository = "docker.io/karmada/karmada-agent"
    pull_secrets: tuple[DnsLabel, ...] = ()
    resources: Resources = Resources(requests={"cpu": "10m", "memory": "64Mi"})
    tolerations: tuple[Taint, ...] = ()


class Karmada(Model):
    """Karmada's control plane on the manager, and its agents in the members."""

    endpoint: EndpointMode = EndpointMode.NODE
    acl: Acl | None = None
    node_port: Annotated[int, Field(ge=30000, le=32767)] = 32443
    api_server_replicas: Annotated[int, Field(ge=1, le=7)] | None = None
    etcd: Etcd = Etcd()
    encryption: Encryption = Encryption()
    backup: Backup | None = None
    failover: Failover = Failover()
    operator_generation: Generation = 1
    values: Values = Field(default_factory=dict)
    agent: Agent = Agent()


class Mesh(Model):
    """Istio in every member."""

    id: DnsLabel = "mesh1"
    remote_token_generation: Generation = 1
    istiod_values: Values = Field(default_factory=dict)


class EastWest(Model):
    """The gateway of every member at which the other members call."""

    values: Values = Field(default_factory=dict)


class Ingress(Model):
    """An ingress gateway in every member, at which the internet calls; workloads say for which hosts."""

    enabled: bool = True
    values: Values = Field(default_factory=dict)


class Route(Model):
    """Calls from one member to another."""

    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]


class OutlierDetection(Model):
    """When an endpoint is taken out of load balancing; durations in seconds."""

    # As Istio spells it, which the generated alias does not; it keeps the number in 32 bits.
    consecutive_5xx_errors: Annotated[int, Field(ge=1, le=2**32 - 1, alias="consecutive5xxErrors")] = 3
    # Istio's webhook refuses what Go's durations cannot hold, and nobody means more than a day.
    interval_seconds: Annotated[int, Field(ge=1, le=86_400)] = 5
    base_ejection_seconds: Annotated[int, Field(ge=1, le=86_400)] = 30


class Traffic(Model):
    """How requests travel between members, and which must not."""

    mode: TrafficMode = TrafficMode.LOCALITY
    failover: tuple[str, ...] = ()
    """Members in whose regions calls go on when their own region fails: the first one of another region."""
    timeout_seconds: Seconds | None = None
    retries: Annotated[int, Field(ge=0, le=10)] | None = None
    forbidden: tuple[Route, ...] = ()
    outlier_detection: OutlierDetection = OutlierDetection()


class Charts(Model):
    """Where charts come from: a repository address, an oci:// address, or a folder with one folder a chart."""

    karmada: str = versions.KARMADA_CHARTS
    istio: str = versions.ISTIO_CHARTS


class FleetConfig(Model):
    """The whole stack config."""

    clusters: dict[ClusterName, Cluster]
    secrets: dict[DnsLabel, Secret] = Field(default_factory=dict)
    versions: Versions = Versions()
    layers: tuple[Layer, ...] = tuple(Layer)
    karmada: Karmada = Karmada()
    component_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """Of each component that keeps no data: of Karmada, its agents, istiod and the gateways."""
    viewer_generation: Generation = 1
    mesh: Mesh = Mesh()
    east_west: EastWest = EastWest()
    ingress: Ingress = Ingress()
    traffic: Traffic = Traffic()
    workloads: dict[WorkloadName, Workload] = Field(default_factory=dict)
    registries: Registries = Field(default_factory=dict)
    certs: Certs = Certs()
    charts: Charts = Charts()
    tags: dict[Tag, Tag] = Field(default_factory=dict)
    guardrails: Guardrails = Guardrails()
    acknowledged: tuple[Acknowledgement, ...] = ()

    @property
    def manager(self) -> str:
        """The name of the cluster that runs Karmada."""
        return next(name for name, cluster in self.clusters.items() if cluster.role is Role.MANAGER)

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the clusters that run workloads, in the order of the config."""
        return tuple(name for name, cluster in self.clusters.items() if cluster.role is Role.MEMBER)

    @property
    def expelled(self) -> tuple[str, ...]:
        """The names of the members that the others trust no more."""
        return tuple(name for name in self.members if self.clusters[name].expelled)

    @property
    def trusted_members(self) -> tuple[str, ...]:
        """The names of the members that are not expelled: those that Fleet runs anything in."""
        return tuple(name for name in self.members if not self.clusters[name].expelled)

    @property
    def open_to_peers(self) -> tuple[str, ...]:
        """The names of the members whose control planes let in the other members' nodes by the nodes' addresses."""
        acls = {name: self.clusters[name].acl for name in self.trusted_members}
        return tuple(name for name, acl in acls.items() if acl and acl.peers)

    @property
    def api_server_replicas(self) -> int:
        """How many API servers Karmada has."""
        return self.karmada.api_server_replicas or self.component_replicas

    @property
    def agent_replicas(self) -> int:
        """How many agents every member has."""
        return self.karmada.agent.replicas or self.component_replicas

    def kubernetes_version(self, cluster: str, running: str | None = None) -> str:
        """The Kubernetes minor of one cluster: its entry's, else the one that it runs, else that of new clusters."""
        return self.clusters[cluster].kubernetes_version or running or self.versions.kubernetes

    def istio_version(self, member: str) -> str:
        """The version of Istio's charts in one member."""
        return self.clusters[member].istio_version or self.versions.istio

    def weights(self, workload: Workload) -> dict[str, int]:
        """A workload's static weights by member: its own table, or 1 for every member.

        Members that are drained or expelled have none.
        """
        weights = workload.weights or dict.fromkeys(self.members, 1)
        empty = {name for name, cluster in self.clusters.items() if cluster.drained or cluster.expelled}
        return {member: weight for member, weight in weights.items() if member not in empty}

    def traffic_of(self, workload: Workload) -> Traffic:
        """How calls of a workload travel: what its entry says, else what the fleet's does."""
        own = workload.traffic
        said = {name: value for name in type(own).model_fields if (value := getattr(own, name)) is not None}
        return self.traffic.model_copy(update=said)

    def regions(self) -> dict[str, str]:
        """The region of every member that is not expelled."""
        return {name: self.clusters[name].region for name in self.trusted_members}
