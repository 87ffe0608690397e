"""The mesh: one root, a primary with its gateways in every member, and every primary reading every other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import pulumi
from pulumi import Output, ResourceOptions

from fleet.config.settings import FleetConfig
from fleet.deployed import roots_of_expelled
from fleet.lke.cluster import Members
from fleet.mesh.ca import RootAuthority, RootAuthorityArgs, bundle, trusted_among
from fleet.mesh.expulsion import forget
from fleet.mesh.gateway import EastWestGateway, GatewayArgs, IngressGateway
from fleet.mesh.istio import Istio, IstioArgs
from fleet.mesh.peering import (
    FIRST_GENERATION,
    EndedPeering,
    EndedPeeringArgs,
    PeerAccess,
    PeerAccessArgs,
    Peering,
    PeeringArgs,
    TokensRead,
    TokensReadArgs,
    token_generation,
)


@dataclass(frozen=True, kw_only=True)
class MeshArgs:
    """The members, and the stack's config."""

    members: Members
    config: FleetConfig


class Mesh(pulumi.ComponentResource):
    """A multi-primary, multi-network mesh of all members that are not expelled."""

    roots: Output[list[str]]
    """Which roots every member trusts by the Secrets that there are, known once every istiod has read them.

    None, while a member is expelled: the others trust each other's intermediates then.
    """
    primaries: Mapping[str, Istio]
    east_west_gateways: Mapping[str, EastWestGateway]
    ingress_gateways: Mapping[str, IngressGateway]
    injected: list[pulumi.Resource]
    """The workload namespaces; a pod that starts after them has a sidecar."""

    def __init__(self, name: str, args: MeshArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:Mesh", name, {}, opts)
        child = ResourceOptions(parent=self)
        config = args.config
        expelled = tuple(args.members.expelled)
        root = RootAuthority(name, RootAuthorityArgs(certs=config.certs.mesh), child)
        settle: Callable[[Output[str]], None]
        trusted_pem: Output[str]
        trusted_pem, settle = pulumi.deferred_output()
        self.primaries = {
            member: Istio(
                f"{member}-istio",
                IstioArgs(
                    member=cluster,
                    root=root,
                    trusted_pem=trusted_pem,
                    mesh=config.mesh,
                    replicas=config.component_replicas,
                    chart_source=config.charts.istio,
                    version=config.istio_version(member),
                ),
                child,
            )
            for member, cluster in args.members.trusted.items()
        }
        settle(_without(expelled, self.primaries, child) if expelled else root.trusted_pem)
        self.east_west_gateways = {
            member: EastWestGateway(
                f"{member}-east-west",
                GatewayArgs(
                    istio=istio,
                    values=config.east_west.values,
                    expelled=expelled,
                    before=args.members.deployed.east_west_gateways.get(member),
                ),
                child,
            )
            for member, istio in self.primaries.items()
        }
        self.ingress_gateways = {
            member: IngressGateway(
                f"{member}-ingress",
                GatewayArgs(
                    istio=istio,
                    values=config.ingress.values,
                    before=args.members.deployed.ingresses.get(member),
                ),
                child,
            )
            for member, istio in self.primaries.items()
            if config.ingress.enabled
        }
        _peer(self.primaries, token_generation(config.mesh, expelled), child)
        deployed = args.members.deployed
        for member, roots in roots_of_expelled(config, deployed).items():
            forget(args.members.expelled[member], deployed, roots, child)
        self.roots = _held(root, self.primaries)
        self.injected = [istio.injection for istio in self.primaries.values()]
        self.register_outputs({})


def _peer(primaries: Mapping[str, Istio], generation: str, opts: ResourceOptions) -> None:
    """Have every primary read every other, by tokens of one generation."""
    access = {
        member: PeerAccess(f"{member}-peer-access", PeerAccessArgs(istio=istio, generation=generation), opts)
        for member, istio in primaries.items()
    }
    peerings = {
        (reader, peer): Peering(
            f"{reader}-reads-{peer}", PeeringArgs(reader=primaries[reader], peer=access[peer]), opts
        )
        for reader, peer in permutations(primaries, 2)
    }
    # The first tokens are there when istiod first hears of a peer: nobody waits for the others at creation.
    if generation != FIRST_GENERATION:
        for member, istio in primaries.items():
            own = [peering for (reader, _), peering in peerings.items() if reader == member]
            args = TokensReadArgs(reader=istio, peerings=own, generation=generation)
            TokensRead(f"{member}-tokens-read", args, opts)


def _held(root: RootAuthority, primaries: Mapping[str, Istio]) -> Output[list[str]]:
    held = Output.all(*(istio.trusted_pem for istio in primaries.values()))
    read = Output.all(*(istio.version for istio in primaries.values()))
    return Output.all(pems=root.pems, held=held, read=read).apply(lambda it: trusted_among(it["pems"], it["held"]))


def _without(expelled: Sequence[str], primaries: Mapping[str, Istio], opts: ResourceOptions) -> Output[str]:
    """What everybody trusts while members are expelled: each other's intermediates, PEM, and no root that signed more.

    Known once every istiod has forgotten the endpoints of the expelled.
    """
    ended = [
        EndedPeering(f"{reader}-reads-{peer}", EndedPeeringArgs(reader=istio, peer=peer), opts).secret
        for reader, istio in primaries.items()
        for peer in expelled
    ]
    return Output.all(
        certificates=[istio.authority.certificate_pem for istio in primaries.values()],
        ended=[secret.metadata.name for secret in ended],
    ).apply(lambda known: bundle(known["certificates"]))
