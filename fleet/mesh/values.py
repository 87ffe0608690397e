"""Values of Istio's charts. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet import disruptions
from fleet.naming import EAST_WEST_GATEWAY, INGRESS_GATEWAY, NETWORK_LABEL, workload_identity
from fleet.versions import ISTIO_HUB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi import Input

ROOTS_ANNOTATION: Final = "fleet/roots"
"""istiod reads its mounted roots when kubelet has refreshed them, some day; a new pod reads them at once."""
REMOTE_CLUSTER_TIMEOUT: Final = "10s"
"""How long an istiod that starts waits for its peers before it serves (PILOT_REMOTE_CLUSTER_TIMEOUT).

It waits to the end every time, since it also wants to read their secrets, and may not (docs/decisions/0130). What it
has read by then is in what it first tells its sidecars: reading takes some ten round trips, three seconds between the
farthest regions. A peer that takes longer is missing there until it has been read.
"""
EXPELLED_ANNOTATION: Final = "fleet/expelled"
"""A proxy that trusts somebody no more closes no connection; a gateway that starts anew ends those that it passed."""
CONNECTION_SECONDS: Final = 15
"""After which a caller opens another connection: a gateway that goes passes the ones that it has until nobody calls."""
_ENDS_WITH_ITS_CONNECTIONS: Final = {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"}
"""A gateway that goes cannot tell callers so through their own TLS, and by default cuts them off after 5 s.

With this it stays until they are gone, for the 30 s of the chart's grace period at most (docs/decisions/0260).
"""
STATUS_PORT: Final = 15021
CROSS_NETWORK_PORT: Final = 15443
HTTP_PORT: Final = 80
"""Where the ingress listens (fleet/mesh/traffic.py)."""
EAST_WEST_LABELS: Final = {"istio": "eastwestgateway", "app": EAST_WEST_GATEWAY}
INGRESS_LABELS: Final = {"istio": "ingressgateway", "app": INGRESS_GATEWAY}
ISTIOD_LABELS: Final = {"app": "istiod", "istio": "pilot"}


def istiod(mesh_id: str, member: str, network: str, roots_fingerprint: Input[str], replicas: int) -> dict[str, Any]:
    """The values of istiod in one member of a multi-primary, multi-network mesh."""
    return {
        "global": {
            "hub": ISTIO_HUB,
            "meshID": mesh_id,
            "network": network,
            "multiCluster": {"clusterName": member},
        },
        "env": {
            # Lets roots change under running sidecars, together with PROXY_CONFIG_XDS_AGENT (docs/decisions/0110).
            "ISTIO_MULTIROOT_MESH": "true",
            "PILOT_REMOTE_CLUSTER_TIMEOUT": REMOTE_CLUSTER_TIMEOUT,
            # A pod of another region that is not ready would have its part of the calls, since the gateway that stands
            # for it is always healthy; one at home would send calls away (docs/decisions/0202).
            "PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS": "false",
        },
        "meshConfig": {
            # Sidecars log who called whom, which is how an operator sees a request's path.
            "accessLogFile": "/dev/stdout",
            "defaultConfig": {"proxyMetadata": {"PROXY_CONFIG_XDS_AGENT": "true"}},
        },
        "podAnnotations": {ROOTS_ANNOTATION: roots_fingerprint},
    } | _replicated_istiod(replicas)


def east_west_gateway(network: str, expelled: Sequence[str], replicas: int) -> dict[str, Any]:
    """The gateway that other networks' sidecars reach.

    The chart's ``networkGateway`` would publish istiod's ports 15012 and 15017 as well, which only a mesh with a
    remote control plane needs; so its label and environment are set here, and two ports.
    """
    values = {
        "labels": EAST_WEST_LABELS | {NETWORK_LABEL: network},
        "env": {"ISTIO_META_REQUESTED_NETWORK_VIEW": network} | _ENDS_WITH_ITS_CONNECTIONS,
        "service": {
            "type": "LoadBalancer",
            "ports": [_port("status-port", STATUS_PORT), _port("tls", CROSS_NETWORK_PORT)],
        },
    } | _replicated_gateway(EAST_WEST_LABELS, replicas)
    return values | ({"podAnnotations": {EXPELLED_ANNOTATION: ".".join(sorted(expelled))}} if expelled else {})


def ingress_gateway(member: str, replicas: int) -> dict[str, Any]:
    """The gateway that the internet reaches.

    The chart would publish 443 as well, behind which nobody listens: who opens it has a certificate and a listener of
    their own, and adds it to ``fleet:ingress.values``.
    """
    return {
        "labels": INGRESS_LABELS,
        # The chart's default is the same in every member, and no rule could tell their callers apart.
        "serviceAccount": {"name": workload_identity(INGRESS_GATEWAY, member)},
        "env": dict(_ENDS_WITH_ITS_CONNECTIONS),
        "service": {
            "type": "LoadBalancer",
            "ports": [_port("status-port", STATUS_PORT), _port("http2", HTTP_PORT)],
        },
    } | _replicated_gateway(INGRESS_LABELS, replicas)


def _replicated_istiod(replicas: int) -> dict[str, Any]:
    # The chart counts in two ways: its autoscaler keeps the least number even without metrics, of which LKE has none.
    if replicas == 1:
        return {}
    return {
        "replicaCount": replicas,
        "autoscaleMin": replicas,
        "pdb": dict(disruptions.BUDGET),
        "topologySpreadConstraints": disruptions.spread(ISTIOD_LABELS),
    }


def _replicated_gateway(labels: Mapping[str, str], replicas: int) -> dict[str, Any]:
    if replicas == 1:
        return {}
    return {
        "replicaCount": replicas,
        "autoscaling": {"minReplicas": replicas},
        "podDisruptionBudget": dict(disruptions.BUDGET),
        "topologySpreadConstraints": disruptions.spread(labels),
    }


def _port(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "port": port, "protocol": "TCP", "targetPort": port}
