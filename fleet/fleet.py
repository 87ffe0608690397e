"""Fleet: the architecture, top to bottom."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_random as random
from pulumi import ResourceOptions

from fleet.config import secrets
from fleet.config.settings import FleetConfig, Layer
from fleet.deployed import Deployed
from fleet.karmada.federation import Federation, FederationArgs
from fleet.lke.cluster import LkeCluster, LkeClusterArgs, members_of
from fleet.lke.peers import Peers
from fleet.mesh.mesh import Mesh, MeshArgs
from fleet.mesh.rules import TrafficPolicies
from fleet.naming import SUFFIX_LENGTH, linode_tags
from fleet.outputs import exported
from fleet.workloads.workloads import Workloads, WorkloadsArgs


@dataclass(frozen=True, kw_only=True)
class FleetArgs:
    """The stack's config, and what is deployed."""

    config: FleetConfig
    deployed: Deployed


class Fleet(pulumi.ComponentResource):
    """One platform out of many regions: clusters, Karmada over them, a mesh between them, workloads on them."""

    outputs: dict[str, Any]
    """What the stack exports, by name."""

    def __init__(self, name: str, args: FleetArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:index:Fleet", name, {}, opts)
        child = ResourceOptions(parent=self)
        config = secrets.filled(args.config, args.config.secrets)
        suffix = random.RandomString(f"{name}-suffix", length=SUFFIX_LENGTH, upper=False, special=False, opts=child)
        peers = Peers(config, suffix.result)
        clusters = {
            cluster: LkeCluster(
                cluster,
                LkeClusterArgs(
                    spec=spec,
                    kubernetes_version=config.kubernetes_version(cluster, args.deployed.kubernetes_version(cluster)),
                    viewer_generation=config.viewer_generation,
                    tags=linode_tags(config.tags),
                    suffix=suffix.result,
                    peers=peers.of(cluster),
                    there=args.deployed.pools(cluster),
                ),
                child,
            )
            for cluster, spec in config.clusters.items()
        }
        peers.ask_for_another_update(clusters)
        manager, members = clusters[config.manager], members_of(clusters, args.deployed)

        federation = mesh = None
        if Layer.KARMADA in config.layers:
            federation = Federation("karmada", FederationArgs(manager=manager, members=members, config=config), child)
        if Layer.MESH in config.layers:
            mesh = Mesh("mesh", MeshArgs(members=members, config=config), child)
            for member, istio in mesh.primaries.items():
                TrafficPolicies(f"{member}-traffic", istio, child)
        if federation and Layer.WORKLOADS in config.layers:
            placed = WorkloadsArgs(federation=federation, mesh=mesh, members=members, config=config)
            Workloads("workloads", placed, child)

        self.outputs = exported(clusters, federation, mesh)
        # What the engine would keep of these is what this program computed, whatever an update left alone.
        self.register_outputs({})
