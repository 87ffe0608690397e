"""LkeCluster: node pools, node addresses, kubeconfigs, a Kubernetes provider and the gate before it.

Out of scope: what runs in the cluster, and NodeBalancers and volumes, which the cluster's own controllers make.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_linode as linode
from pulumi import Input, Output, ResourceOptions

from fleet import naming
from fleet.config.pools import Acl, NodePool
from fleet.config.settings import Cluster, Role
from fleet.deployed import Deployed, DeployedPool
from fleet.lke import readiness
from fleet.lke.kubeconfig import ApiServer, api_server, decode, nowhere
from fleet.lke.linode_clusters import node_labels
from fleet.lke.viewers import ClusterViewer, ClusterViewerArgs


@dataclass(frozen=True, kw_only=True)
class LkeClusterArgs:
    """What one cluster needs: its entry in the config, what all clusters share, and the stack's suffix."""

    spec: Cluster
    kubernetes_version: str
    viewer_generation: int
    tags: Sequence[str]
    suffix: Input[str]
    peers: Input[Sequence[str]] = ()
    """IPv4 addresses of the nodes that its ACL lets in besides the networks that it names."""
    there: Sequence[DeployedPool] = ()
    """The pools that there are, in the order that the provider knows."""


class LkeCluster(pulumi.ComponentResource):
    """One LKE cluster, ready to take objects through its provider."""

    name: str
    spec: Cluster
    version: Output[str]
    """The Kubernetes minor version, known once Linode has it."""
    region: Output[str]
    acl: Output[bool]
    """Whether its control plane has one."""
    pools: Output[list[dict[str, str]]]
    """Name and type of each pool in the order that they have at Linode, known once Linode has them."""
    cluster_id: Output[str]
    node_ips: Output[list[str]]
    """Public IPv4 addresses of the nodes, oldest node first."""
    node_ids: Output[list[int]]
    """The nodes' identifiers as Linodes, oldest first."""
    kubeconfig: Output[str]
    """YAML text; secret, and known only once the cluster is ready, or at once where it is expelled."""
    view_kubeconfig: Output[str] | None
    """For who only looks; YAML text, secret. There is none where the cluster is expelled."""
    api_server: Output[ApiServer]
    provider: kubernetes.Provider

    def __init__(self, name: str, args: LkeClusterArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:lke:Cluster", name, {}, opts)
        self.name = name
        self.spec = args.spec
        pools = in_place(args.spec.pools, args.there)
        encrypted = {place: pool.disk_encryption for place, pool in enumerate(args.there)}
        for sentence in fewer(pools, args.there):
            pulumi.log.warn(f"{name}: {sentence}")
        cluster = linode.LkeCluster(
            f"{name}-cluster",
            label=Output.from_input(args.suffix).apply(lambda suffix: naming.billed_label(name, suffix)),
            region=args.spec.region,
            k8s_version=args.kubernetes_version,
            pools=[_pool(*pool, encrypted.get(place)) for place, pool in enumerate(pools.items())],
            control_plane=_control_plane(args.spec, args.peers),
            tags=list(args.tags),
            opts=ResourceOptions(
                parent=self,
                protect=args.spec.protect,
            ),
        )
        # One that is protected stays when an update or a destroy comes to it, and then has to be rid of what is in it.
        self._goes = None if args.spec.protect else cluster
        self.cluster_id = cluster.id
        self.version, self.region = cluster.k8s_version, cluster.region
        self.acl = cluster.control_plane.apply(lambda plane: bool(plane and plane.acl and plane.acl.enabled))
        self.pools = cluster.pools.apply(listed)
        nodes = _nodes(cluster)
        self.node_ips, self.node_ids = nodes.apply(external_ips), nodes.apply(linode_ids)
        self.kubeconfig = Output.secret(cluster.kubeconfig.apply(decode).apply(_gate(name, args.spec)))
        self.api_server = self.kubeconfig.apply(api_server)
        self.provider = kubernetes.Provider(
            f"{name}-provider",
            **_reach(name, args.spec, self.kubeconfig),
            # Renewed credentials must not replace everything that was made with the old ones (pulumi-kubernetes#2745).
            cluster_identifier=cluster.id,
            # Otherwise a secret with a name of its own is deleted before it is made with other data, and istiod forgets
            # a whole region's endpoints for as long.
            enable_secret_mutable=True,
            opts=ResourceOptions(parent=self),
        )
        self.view_kubeconfig = None if args.spec.expelled else self._viewer(args.viewer_generation)
        self.register_outputs({"nodeIps": self.node_ips, "kubeconfig": self.kubeconfig})

    def inside(self, parent: pulumi.Resource) -> ResourceOptions:
        """The options of something in the cluster that is gone when the cluster is: then nobody deletes it first.

        What Linode bills beside the cluster, and what has to act when it goes, names the provider alone: Pulumi deletes
        it while the cluster lives (docs/decisions/0225).
        """
        return ResourceOptions(parent=parent, provider=self.provider, deleted_with=self._goes)

    def _viewer(self, generation: int) -> Output[str]:
        viewer = ClusterViewerArgs(
            cluster=self.name, api_server=self.api_server, inside=self.inside, generation=generation
        )
        return ClusterViewer(f"{self.name}-viewer", viewer, ResourceOptions(parent=self)).kubeconfig


@dataclass(frozen=True, kw_only=True)
class Members:
    """The members by name, those apart that are expelled, and what the stack's last update deployed."""

    trusted: Mapping[str, LkeCluster]
    expelled: Mapping[str, LkeCluster]
    deployed: Deployed


def members_of(clusters: Mapping[str, LkeCluster], deployed: Deployed) -> Members:
    """The members among all clusters."""
    members = {name: cluster for name, cluster in clusters.items() if cluster.spec.role is Role.MEMBER}
    return Members(
        trusted={name: cluster for name, cluster in members.items() if not cluster.spec.expelled},
        expelled={name: cluster for name, cluster in members.items() if cluster.spec.expelled},
        deployed=deployed,
    )


def in_place(pools: Mapping[str, NodePool], there: Sequence[DeployedPool]) -> dict[str, NodePool]:
    """The pools that there are at the places that they have, with as many nodes as an autoscaler left; new ones after.

    Config comes sorted by name, and the provider knows a pool by its place alone. It sends a count with every change of
    a pool, whatever the change is (docs/decisions/0120, 0185).
    """
    named = {pool.name: pools[pool.name] for pool in there if pool.name in pools} | dict(pools)
    return {
        name: _sized(pool, _nodes_of(name, pool.type, there, place)) for place, (name, pool) in enumerate(named.items())
    }


def _nodes_of(name: str, machine: str, there: Sequence[DeployedPool], place: int) -> int | None:
    """How many nodes there are to go on from: of pools of this name, and of another at its place whose nodes stay.

    There are two of a name where an update made a pool anew and broke off before it deleted the old one. The second
    stands in for the first, so that the larger of them counts, and not both.
    """
    counts = [
        pool.nodes
        for at, pool in enumerate(there)
        if pool.nodes is not None and (pool.name == name or (at == place and pool.type == machine))
    ]
    return max(counts, default=None)


def _sized(pool: NodePool, nodes: int | None) -> NodePool:
    bounds = pool.autoscaler
    if bounds is None or nodes is None:
        return pool
    return pool.model_copy(update={"count": min(max(nodes, bounds.min), bounds.max)})


def fewer(pools: Mapping[str, NodePool], there: Sequence[DeployedPool]) -> Iterator[str]:
    """A sentence for each pool that loses nodes, for who reads a preview."""
    for before, (name, pool) in zip(there, pools.items(), strict=False):
        if before.nodes is not None and pool.count < before.nodes:
            yield f"pool {before.name} has {before.nodes} nodes, and {name} gets {pool.count}"
    # What an update that failed left behind is in the state after the next one, and in no config.
    for gone in there[len(pools) :]:
        yield f"pool {gone.name} has {gone.nodes} nodes, and is removed"


def _pool(name: str, pool: NodePool, disk_encryption: str | None) -> linode.LkeClusterPoolArgs:
    return linode.LkeClusterPoolArgs(
        label=name,
        type=pool.type,
        count=pool.count,
        autoscaler=linode.LkeClusterPoolAutoscalerArgs(min=pool.autoscaler.min, max=pool.autoscaler.max)
        if pool.autoscaler
        else None,
        disk_encryption=disk_encryption,
        labels=dict(pool.labels) or None,
        taints=[
            linode.LkeClusterPoolTaintArgs(key=taint.key, value=taint.value, effect=taint.effect.value)
            for taint in pool.taints
        ]
        or None,
    )


def _control_plane(spec: Cluster, peers: Input[Sequence[str]]) -> linode.LkeClusterControlPlaneArgs | None:
    """What is wanted, and no more: Linode cannot turn high availability off, nor its provider an ACL with addresses."""
    if not spec.high_availability and spec.acl is None:
        return None
    return linode.LkeClusterControlPlaneArgs(
        high_availability=spec.high_availability or None, acl=_acl(spec.acl, peers) if spec.acl else None
    )


def _acl(acl: Acl, peers: Input[Sequence[str]]) -> linode.LkeClusterControlPlaneAclArgs:
    return linode.LkeClusterControlPlaneAclArgs(
        enabled=True,
        addresses=[
            linode.LkeClusterControlPlaneAclAddressArgs(
                ipv4s=Output.from_input(peers).apply(lambda nodes: list(acl.with_nodes(nodes))),
                ipv6s=[str(network) for network in acl.ipv6],
            )
        ],
    )


def _gate(name: str, spec: Cluster) -> Callable[[str], str | Awaitable[str]]:
    """What a kubeconfig has to pass before anybody uses it: nothing may depend on what an expelled cluster answers."""
    if spec.expelled:
        return lambda kubeconfig: kubeconfig
    return lambda kubeconfig: readiness.wait_until_ready(name, kubeconfig)


def _reach(name: str, spec: Cluster, kubeconfig: Output[str]) -> dict[str, Any]:
    """The arguments of a cluster's provider: where it reaches it.

    That of an expelled cluster reaches nothing. So the program forgets what is in it, and neither asks nor changes
    anything there, also where it does not answer any more, or answers falsely (docs/decisions/0139).
    """
    if spec.expelled:
        return {"kubeconfig": nowhere(name), "delete_unreachable": True, "skip_update_unreachable": True}
    return {"kubeconfig": kubeconfig}


def _nodes(cluster: linode.LkeCluster) -> Output[Sequence[linode.outputs.GetInstancesInstanceResult]]:
    # By their labels, and not by the ids in the cluster's state: a node that was recycled since has another id.
    labels = cluster.id.apply(
        lambda cluster_id: [
            linode.GetInstancesFilterArgs(name="label", values=[node_labels(cluster_id)], match_by="regex")
        ]
    )
    found = linode.get_instances_output(filters=labels)
    # While the id is unknown, what is looked up by it does not tell that it comes from the cluster.
    return Output.all(cluster.id, found).apply(lambda known: known[1].instances or ())


def listed(pools: Sequence[linode.outputs.LkeClusterPool] | None) -> list[dict[str, str]]:
    """Name and type of each pool, without the empty places that the provider records of what Linode has no more."""
    return [{"name": pool.label or "", "type": pool.type} for pool in pools or () if pool.type]


def external_ips(instances: Sequence[linode.outputs.GetInstancesInstanceResult]) -> list[str]:
    """The instances' public IPv4 addresses, oldest instance first: identifiers only ever grow."""
    return [instance.ip_address for instance in sorted(instances, key=lambda instance: instance.id)]


def linode_ids(instances: Sequence[linode.outputs.GetInstancesInstanceResult]) -> list[int]:
    """The instances' identifiers, oldest instance first."""
    return sorted(instance.id for instance in instances)
