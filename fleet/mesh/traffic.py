"""Istio's policies of one member: mutual TLS, where requests to hello go, and who may call it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from fleet.config.settings import Ingress, Route, Traffic, TrafficMode
from fleet.mesh.istio import Istio
from fleet.mesh.values import CONNECTION_SECONDS, HTTP_PORT, INGRESS_LABELS
from fleet.naming import (
    HELLO,
    HELLO_PORT,
    INGRESS_GATEWAY,
    ISTIO_NAMESPACE,
    SLEEP,
    WORKLOAD_NAMESPACE,
    workload_identity,
)

HELLO_HOST: Final = f"{HELLO}.{WORKLOAD_NAMESPACE}.svc.cluster.local"


@dataclass(frozen=True, kw_only=True)
class TrafficPoliciesArgs:
    """One member's istiod, and the rules of the fleet."""

    istio: Istio
    traffic: Traffic
    ingress: Ingress


class TrafficPolicies(pulumi.ComponentResource):
    """The rules that one member's proxies follow."""

    def __init__(self, name: str, args: TrafficPoliciesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:policies:Traffic", name, {}, opts)
        self._name = name
        # istiod's webhook checks every rule, and refuses everything until it answers.
        self._opts = ResourceOptions.merge(
            args.istio.member.inside(self), ResourceOptions(depends_on=[args.istio.istiod])
        )
        member = args.istio.member.name
        self._rule("mutual-tls", "security.istio.io/v1", "PeerAuthentication", "default", ISTIO_NAMESPACE, strict())
        self._rule(
            "balance", "networking.istio.io/v1", "DestinationRule", HELLO, WORKLOAD_NAMESPACE, balance(args.traffic)
        )
        self._rule(
            "callers", "security.istio.io/v1", "AuthorizationPolicy", "hello-callers", WORKLOAD_NAMESPACE, callers()
        )
        for source in forbidden_sources(member, args.traffic.forbidden):
            self._rule(
                f"not-from-{source}",
                "security.istio.io/v1",
                "AuthorizationPolicy",
                f"hello-not-from-{source}",
                WORKLOAD_NAMESPACE,
                not_from(source),
            )
        if args.ingress.enabled:
            hosts = list(args.ingress.hosts)
            self._rule("ingress", "networking.istio.io/v1", "Gateway", "ingress", WORKLOAD_NAMESPACE, ingress(hosts))
            self._rule(
                "route", "networking.istio.io/v1", "VirtualService", "hello-ingress", WORKLOAD_NAMESPACE, route(hosts)
            )
        self.register_outputs({})

    def _rule(self, role: str, api_version: str, kind: str, name: str, namespace: str, spec: Mapping[str, Any]) -> None:
        kubernetes.apiextensions.CustomResource(
            f"{self._name}-{role}",
            api_version=api_version,
            kind=kind,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=name, namespace=namespace),
            spec=dict(spec),
            opts=self._opts,
        )


def strict() -> dict[str, Any]:
    """The spec of a PeerAuthentication that refuses plain text; in istio-system it holds for the whole mesh."""
    return {"mtls": {"mode": "STRICT"}}


def balance(traffic: Traffic) -> dict[str, Any]:
    """The spec of hello's DestinationRule.

    Locality mode prefers the caller's own region and fails over; Istio needs outlier detection for that. Global mode
    spreads over all endpoints alike.
    """
    detection = traffic.outlier_detection
    policy = {
        "loadBalancer": {
            "simple": "ROUND_ROBIN",
            "localityLbSetting": {"enabled": traffic.mode is TrafficMode.LOCALITY},
        },
        "outlierDetection": {
            "consecutive5xxErrors": detection.consecutive_5xx_errors,
            "interval": f"{detection.interval_seconds}s",
            "baseEjectionTime": f"{detection.base_ejection_seconds}s",
            # A whole region may be ejected: that is what failing over means.
            "maxEjectionPercent": 100,
        },
    }
    # In the policy of the host itself istiod takes the duration for what gateways pass too, which then cut calls off
    # (networkfilter.go); a port's policy is for callers alone, and has to say everything.
    draining = {"tcp": {"maxConnectionDuration": f"{CONNECTION_SECONDS}s"}}
    of_port = {"port": {"number": HELLO_PORT}, "connectionPool": draining} | policy
    return {"host": HELLO_HOST, "trafficPolicy": policy | {"portLevelSettings": [of_port]}}


def callers() -> dict[str, Any]:
    """The spec of the AuthorizationPolicy that lets sleep and the ingress gateway of any member call hello.

    Being the only ALLOW policy of hello, it refuses everyone else.
    """
    return _rule_for("ALLOW", member="*")


def forbidden_sources(member: str, forbidden: Iterable[Route]) -> list[str]:
    """Members whose sleep and ingress gateway may not call into this one."""
    return [route.source for route in forbidden if route.target == member]


def not_from(source: str) -> dict[str, Any]:
    """The spec of the AuthorizationPolicy that refuses another member's callers; DENY goes before ALLOW."""
    return _rule_for("DENY", member=source)


def _rule_for(action: str, *, member: str) -> dict[str, Any]:
    callers = [
        principal(WORKLOAD_NAMESPACE, workload_identity(SLEEP, member)),
        principal(ISTIO_NAMESPACE, workload_identity(INGRESS_GATEWAY, member)),
    ]
    return {
        "selector": {"matchLabels": {"app": HELLO}},
        "action": action,
        "rules": [{"from": [{"source": {"principals": callers}}]}],
    }


def ingress(hosts: list[str]) -> dict[str, Any]:
    """The spec of the Gateway by which the ingress gateway listens."""
    return {
        "selector": {"istio": INGRESS_LABELS["istio"]},
        "servers": [{"port": {"number": HTTP_PORT, "name": "http", "protocol": "HTTP"}, "hosts": hosts}],
    }


def route(hosts: list[str]) -> dict[str, Any]:
    """The spec of the VirtualService that leads from the ingress gateway to hello."""
    return {
        "hosts": hosts,
        "gateways": ["ingress"],
        "http": [{"route": [{"destination": {"host": HELLO_HOST, "port": {"number": HELLO_PORT}}}]}],
    }


def principal(namespace: str, service_account: str) -> str:
    """The SPIFFE principal of a service account, in the form that AuthorizationPolicy takes."""
    return f"cluster.local/ns/{namespace}/sa/{service_account}"
