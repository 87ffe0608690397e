"""The federation: one control plane on the manager, and an agent in every member."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from fleet.karmada.agent import KarmadaAgent, KarmadaAgentArgs
from fleet.karmada.control_plane import KarmadaControlPlane, KarmadaControlPlaneArgs
from fleet.lke import LkeCluster
from fleet.settings import FleetConfig


@dataclass(frozen=True, kw_only=True)
class FederationArgs:
    """The clusters by role, and the stack's config."""

    manager: LkeCluster
    members: Mapping[str, LkeCluster]
    config: FleetConfig


class Federation(pulumi.ComponentResource):
    """Karmada over all members."""

    control_plane: KarmadaControlPlane
    joined: list[pulumi.Resource]
    """Karmada's Cluster objects; each is there once its agent reports."""

    def __init__(self, name: str, args: FederationArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Federation", name, {}, opts)
        child = ResourceOptions(parent=self)
        config = args.config
        self.control_plane = KarmadaControlPlane(
            name,
            KarmadaControlPlaneArgs(
                manager=args.manager,
                karmada=config.karmada,
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
                KarmadaAgentArgs(member=cluster, control_plane=self.control_plane, agent=config.karmada.agent),
                child,
            ).cluster
            for member, cluster in args.members.items()
        ]
        self.register_outputs({})
