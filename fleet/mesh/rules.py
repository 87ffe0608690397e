"""Istio's rules as resources of one member, and the one that holds for a whole member."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from fleet.mesh.istio import Istio
from fleet.naming import ISTIO_NAMESPACE

API_BY_KIND: Final[Mapping[str, str]] = {
    "AuthorizationPolicy": "security.istio.io/v1",
    "PeerAuthentication": "security.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "Gateway": "networking.istio.io/v1",
    "VirtualService": "networking.istio.io/v1",
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One of Istio's objects; `aliases` are URNs that it had before."""

    kind: str
    name: str
    namespace: Input[str]
    spec: Mapping[str, Any]
    aliases: Sequence[str] = ()


def register(name: str, args: Rule, istio: Istio, parent: pulumi.Resource) -> pulumi.Resource:
    """A rule in one member, which goes with the member's cluster."""
    # istiod's webhook checks every rule, and refuses everything until it answers.
    given = ResourceOptions(depends_on=[istio.istiod], aliases=list(args.aliases))
    return kubernetes.apiextensions.CustomResource(
        name,
        api_version=API_BY_KIND[args.kind],
        kind=args.kind,
        metadata=kubernetes.meta.v1.ObjectMetaArgs(name=args.name, namespace=args.namespace),
        spec=dict(args.spec),
        opts=ResourceOptions.merge(istio.member.inside(parent), given),
    )


class TrafficPolicies(pulumi.ComponentResource):
    """What holds for all traffic of one member, whatever runs in it."""

    def __init__(self, name: str, istio: Istio, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:policies:Traffic", name, {}, opts)
        mutual_tls = Rule(kind="PeerAuthentication", name="default", namespace=ISTIO_NAMESPACE, spec=strict())
        register(f"{name}-mutual-tls", mutual_tls, istio, self)
        self.register_outputs({})


def strict() -> dict[str, Any]:
    """The spec of a PeerAuthentication that refuses plain text; in istio-system it holds for the whole mesh."""
    return {"mtls": {"mode": "STRICT"}}
