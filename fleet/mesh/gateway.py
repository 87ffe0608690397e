"""Gateways of one member: east-west for the other members, ingress for the internet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from fleet import charts
from fleet.lke import addresses
from fleet.mesh import values
from fleet.mesh.istio import Istio
from fleet.naming import EAST_WEST_GATEWAY, INGRESS_GATEWAY


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """Beside which istiod, what goes over the program's values of the chart, and the members that are expelled."""

    istio: Istio
    values: Mapping[str, Any]
    expelled: Sequence[str] = ()
    before: str | None = None
    """The address that the last update exported."""


class EastWestGateway(pulumi.ComponentResource):
    """Where sidecars of other networks come in, with mutual TLS that it passes through."""

    address: Output[str]

    def __init__(self, name: str, args: GatewayArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:EastWestGateway", name, {}, opts)
        istio = args.istio
        chart_values = values.east_west_gateway(istio.network, args.expelled, istio.replicas)
        release = _install(name, EAST_WEST_GATEWAY, charts.merged(chart_values, args.values), istio, self)
        kubernetes.apiextensions.CustomResource(
            f"{name}-cross-network",
            api_version="networking.istio.io/v1",
            kind="Gateway",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name="cross-network-gateway", namespace=istio.namespace),
            spec={
                "selector": {"istio": values.EAST_WEST_LABELS["istio"]},
                "servers": [
                    {
                        "port": {"number": values.CROSS_NETWORK_PORT, "name": "tls", "protocol": "TLS"},
                        "tls": {"mode": "AUTO_PASSTHROUGH"},
                        "hosts": ["*.local"],
                    }
                ],
            },
            # istiod's webhook checks it, and refuses everything until it answers.
            opts=ResourceOptions.merge(istio.member.inside(self), ResourceOptions(depends_on=[istio.istiod])),
        )
        self.address = _address(EAST_WEST_GATEWAY, release, args)
        self.register_outputs({"address": self.address})


class IngressGateway(pulumi.ComponentResource):
    """Where requests from the internet come in."""

    address: Output[str]

    def __init__(self, name: str, args: GatewayArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:IngressGateway", name, {}, opts)
        istio = args.istio
        chart_values = charts.merged(values.ingress_gateway(istio.member.name, istio.replicas), args.values)
        release = _install(name, INGRESS_GATEWAY, chart_values, istio, self)
        self.address = _address(INGRESS_GATEWAY, release, args)
        self.register_outputs({"address": self.address})


def _install(
    name: str, release_name: str, chart_values: dict[str, object], istio: Istio, parent: pulumi.ComponentResource
) -> kubernetes.helm.v3.Release:
    return istio.install(
        f"{name}-release",
        "gateway",
        release_name,
        chart_values,
        # Uninstalled while the cluster lives, whose cloud controller deletes the NodeBalancer. The pod's proxy is
        # injected by istiod's webhook.
        ResourceOptions(parent=parent, provider=istio.member.provider, depends_on=[istio.istiod]),
    )


def _address(service: str, release: kubernetes.helm.v3.Release, args: GatewayArgs) -> Output[str]:
    """Where the load balancer is reached; a release is done only when its load balancers have an address or a name.

    An update asks the cluster: of a load balancer that was made anew nobody tells Pulumi. A preview must reach no
    cluster (docs/decisions/0191).
    """
    if pulumi.runtime.is_dry_run():
        return release.status.apply(lambda _: args.before or addresses.later())
    known = Output.all(kubeconfig=args.istio.member.kubeconfig, namespace=release.status.namespace)
    found: Output[str] = known.apply(lambda there: addresses.asked(there["kubeconfig"], there["namespace"], service))
    # The kubeconfig is a secret, the address is not.
    return Output.unsecret(found)
