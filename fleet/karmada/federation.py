"""The federation: one control plane on the manager, and an agent in every member that is not expelled."""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from fleet.config.settings import FleetConfig
from fleet.karmada.agent import KarmadaAgent, KarmadaAgentArgs
from fleet.karmada.backup import KarmadaBackup, KarmadaBackupArgs
from fleet.karmada.control_plane import KarmadaControlPlane, KarmadaControlPlaneArgs
from fleet.karmada.expelled import ExpelledAgent, ExpelledAgentArgs
from fleet.karmada.failover import KarmadaFailover, KarmadaFailoverArgs
from fleet.karmada.values import Replicas
from fleet.lke.cluster import LkeCluster, Members
from fleet.naming import linode_tags


@dataclass(frozen=True, kw_only=True)
class FederationArgs:
    """The clusters by role, and the stack's config."""

    manager: LkeCluster
    members: Members
    config: FleetConfig


class Federation(pulumi.ComponentResource):
    """Karmada over all members."""

    control_plane: KarmadaControlPlane
    joined: list[pulumi.Resource]
    """Karmada's Cluster objects; each is there once its agent reports."""
    failover: KarmadaFailover | None
    backup: KarmadaBackup | None
    clusters: frozenset[str]
    """For which clusters there are any: the members, and expelled ones that had joined."""

    def __init__(self, name: str, args: FederationArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Federation", name, {}, opts)
        child = ResourceOptions(parent=self)
        config = args.config
        self.control_plane = KarmadaControlPlane(
            name,
            KarmadaControlPlaneArgs(
                manager=args.manager,
                members=args.members,
                tags=linode_tags(config.tags),
                karmada=config.karmada,
                replicas=Replicas(
                    components=config.component_replicas,
                    api_servers=config.api_server_replicas,
                    api_servers_share=args.members.deployed.api_servers_share,
                ),
                deployed=args.members.deployed,
                certs=config.certs.karmada,
                viewer_generation=config.viewer_generation,
                versions=config.versions,
                chart_source=config.charts.karmada,
            ),
            child,
        )
        self.joined = [
            KarmadaAgent(
                f"{member}-agent",
                KarmadaAgentArgs(
                    member=cluster,
                    control_plane=self.control_plane,
                    agent=config.karmada.agent,
                    replicas=config.agent_replicas,
                ),
                child,
            ).cluster
            for member, cluster in args.members.trusted.items()
        ]
        before = args.members.deployed
        left = [member for member in args.members.expelled if before.has_joined(member)]
        for member in left:
            gone = ExpelledAgentArgs(member=member, karmada=self.control_plane.provider)
            ExpelledAgent(f"{member}-agent", gone, child)
        self.clusters = frozenset([*args.members.trusted, *left])
        self.failover = None
        if config.karmada.failover.enabled:
            failover = KarmadaFailoverArgs(control_plane=self.control_plane, failover=config.karmada.failover)
            self.failover = KarmadaFailover(f"{name}-failover", failover, child)
        self.backup = None
        if config.karmada.backup:
            saved = KarmadaBackupArgs(control_plane=self.control_plane, backup=config.karmada.backup)
            self.backup = KarmadaBackup(f"{name}-backup", saved, child)
        self.register_outputs({})
