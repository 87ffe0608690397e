"""The mesh: one root, a primary with its gateways in every member, and every primary reading every other."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from fleet.lke import LkeCluster
from fleet.mesh.ca import RootAuthority, RootAuthorityArgs
from fleet.mesh.gateway import EastWestGateway, GatewayArgs, IngressGateway
from fleet.mesh.istio import Istio, IstioArgs
from fleet.mesh.peering import (
    FIRST_GENERATION,
    PeerAccess,
    PeerAccessArgs,
    Peering,
    PeeringArgs,
    TokensRead,
    TokensReadArgs,
    token_generation,
)
from fleet.settings import FleetConfig


@dataclass(frozen=True, kw_only=True)
class MeshArgs:
    """The members by name, and the stack's config."""

    members: Mapping[str, LkeCluster]
    config: FleetConfig


class Mesh(pulumi.ComponentResource):
    """A multi-primary, multi-network mesh of all members."""

    roots: Output[dict[str, Any]]
    """Names of the roots that are trusted and of the one that signs, known once every istiod has read them."""
    primaries: Mapping[str, Istio]
    east_west_gateways: Mapping[str, EastWestGateway]
    ingress_gateways: Mapping[str, IngressGateway]
    injected: list[pulumi.Resource]
    """The workload namespaces; a pod that starts after them has a sidecar."""

    def __init__(self, name: str, args: MeshArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:Mesh", name, {}, opts)
        child = ResourceOptions(parent=self)
        config = args.config
        root = RootAuthority(name, RootAuthorityArgs(certs=config.certs.mesh), child)
        self.primaries = {
            member: Istio(
                f"{member}-istio",
                IstioArgs(
                    member=cluster,
                    root=root,
                    mesh=config.mesh,
                    chart_source=config.charts.istio,
                    version=config.istio_version(member),
                ),
                child,
            )
            for member, cluster in args.members.items()
        }
        self.east_west_gateways = {
            member: EastWestGateway(f"{member}-east-west", GatewayArgs(istio=istio), child)
            for member, istio in self.primaries.items()
        }
        self.ingress_gateways = {
            member: IngressGateway(f"{member}-ingress", GatewayArgs(istio=istio), child)
            for member, istio in self.primaries.items()
            if config.mesh.ingress.enabled
        }
        access = {
            member: PeerAccess(f"{member}-peer-access", PeerAccessArgs(istio=istio), child)
            for member, istio in self.primaries.items()
        }
        peerings = {
            (reader, peer): Peering(
                f"{reader}-reads-{peer}", PeeringArgs(reader=self.primaries[reader], peer=access[peer]), child
            )
            for reader, peer in permutations(self.primaries, 2)
        }
        # The first tokens are there when istiod first hears of a peer: nobody waits for the others at creation.
        if token_generation(config.mesh) != FIRST_GENERATION:
            for member, istio in self.primaries.items():
                own = [peering for (reader, _), peering in peerings.items() if reader == member]
                TokensRead(f"{member}-tokens-read", TokensReadArgs(reader=istio, peerings=own), child)
        self.roots = Output.all(*(istio.version for istio in self.primaries.values())).apply(
            lambda _: {"trusted": list(config.certs.mesh.roots), "signing": config.certs.mesh.signing_root}
        )
        self.injected = [istio.injection for istio in self.primaries.values()]
        self.register_outputs({})
