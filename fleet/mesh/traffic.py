"""How calls of one workload travel: its balance over regions, and the way from the ingress gateways. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet.config.workloads import TrafficMode
from fleet.mesh.values import CONNECTION_SECONDS, HTTP_PORT, INGRESS_LABELS
from fleet.naming import service_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fleet.config.settings import Traffic
    from fleet.config.workloads import Workload, WorkloadIngress

LISTENER: Final = "ingress"
"""The Gateway of a namespace by which the ingress gateway listens."""


def balance(
    name: str, workload: Workload, traffic: Traffic, *, member: str, regions: Mapping[str, str]
) -> dict[str, Any]:
    """The spec of a workload's DestinationRule in one member.

    Locality mode prefers the caller's own region and fails over; Istio needs outlier detection for that. Global mode
    spreads over all endpoints alike. `member` is where the callers are, and `regions` has the region of every member.
    """
    detection = traffic.outlier_detection
    policy = {
        "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": _locality(traffic, member, regions)},
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
    of_ports = [
        {"port": {"number": workload.ports[port].port}, "connectionPool": draining} | policy
        for port in workload.port_names
    ]
    return {
        "host": service_host(name, workload.namespace),
        "trafficPolicy": policy | {"portLevelSettings": of_ports},
    }


def _locality(traffic: Traffic, member: str, regions: Mapping[str, str]) -> dict[str, Any]:
    """Istio knows one region after a caller's own, and takes the others alike (applyLocalityFailover)."""
    setting: dict[str, Any] = {"enabled": traffic.mode is TrafficMode.LOCALITY}
    own = regions[member]
    after = [regions[name] for name in traffic.failover if regions.get(name, own) != own]
    if setting["enabled"] and after:
        setting["failover"] = [{"from": own, "to": after[0]}]
    return setting


def calls(name: str, workload: Workload, traffic: Traffic) -> dict[str, Any] | None:
    """The spec of the VirtualService by which sidecars call a workload; None where Istio's own way will do."""
    if (patience := _patience(traffic)) is None or not workload.http_ports:
        return None
    host = service_host(name, workload.namespace)
    return {
        "hosts": [host],
        "http": [
            {"match": [{"port": workload.ports[port].port}], "route": [_to(host, workload.ports[port].port)]} | patience
            for port in workload.http_ports
        ],
    }


def _patience(traffic: Traffic) -> dict[str, Any] | None:
    said: dict[str, Any] = {}
    if traffic.timeout_seconds is not None:
        said["timeout"] = f"{traffic.timeout_seconds}s"
    if traffic.retries is not None:
        said["retries"] = {"attempts": traffic.retries}
    return said or None


def _to(host: str, port: int) -> dict[str, Any]:
    return {"destination": {"host": host, "port": {"number": port}}}


def listener() -> dict[str, Any]:
    """The spec of the Gateway by which the ingress gateway listens; what leads on names its hosts."""
    return {
        "selector": {"istio": INGRESS_LABELS["istio"]},
        "servers": [{"port": {"number": HTTP_PORT, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
    }


def route(name: str, workload: Workload, ingress: WorkloadIngress, traffic: Traffic) -> dict[str, Any]:
    """The spec of the VirtualService that leads from the ingress gateway to a workload."""
    port = workload.ports[ingress.port or workload.http_ports[0]].port
    leads = {"route": [_to(service_host(name, workload.namespace), port)]} | (_patience(traffic) or {})
    matches = _matches(ingress.paths)
    return {
        "hosts": list(ingress.hosts),
        "gateways": [LISTENER],
        "http": [({"match": matches} if matches else {}) | leads],
    }


def _matches(paths: Sequence[str]) -> list[dict[str, Any]]:
    """A path is that one and what is below it; a prefix alone would be for /cartoon where /cart is meant."""
    if "/" in paths:
        return []
    kinds = ("exact", ""), ("prefix", "/")
    return [{"uri": {kind: f"{path}{end}"}} for path in paths for kind, end in kinds]
