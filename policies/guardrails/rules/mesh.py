"""Rules on the mesh: mutual TLS, and what members show of themselves."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import ISTIO_NAMESPACE, NETWORK_LABEL
from plan.steps import RELEASE, SERVICE, cluster_of
from policies.guardrails.model import Finding, Planned, Resource, Stack, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PEER_AUTHENTICATION: Final = "PeerAuthentication"
DESTINATION_RULE: Final = "DestinationRule"
STRICT: Final = "STRICT"
EAST_WEST: Final = "eastwestgateway"
EAST_WEST_PORTS: Final = frozenset({15021, 15443})
"""Health, and mutual TLS of other members' sidecars (Istio, "Install Multi-Primary on different networks")."""
_RELAX: Final = (
    "Mend fleet/mesh/rules.py or fleet/mesh/traffic.py, or set fleet:guardrails.levels.mutual-tls to advisory while "
    "you migrate"
)


def mutual_tls_is_strict(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """No policy lets plain text in, and no rule sends it."""
    kind = resource.type.rsplit(":", 1)[-1]
    if kind == PEER_AUTHENTICATION:
        ports = section(resource.inputs, "spec", "portLevelMtls") or {}
        modes = {"mtls": section(resource.inputs, "spec", "mtls", "mode")}
        modes |= {f"portLevelMtls.{port}": section(rule, "mode") for port, rule in ports.items()}
        for path, mode in modes.items():
            if mode != STRICT:
                yield _tls(resource, f"{path}.mode is {mode or 'not set'}, so pods take plain text")
    elif kind == DESTINATION_RULE:
        policy = section(resource.inputs, "spec", "trafficPolicy")
        for settings in (policy, *(section(policy, "portLevelSettings") or [])):
            if section(settings, "tls", "mode") == "DISABLE":
                yield _tls(resource, f"it turns TLS off for calls to {section(resource.inputs, 'spec', 'host')}")


def every_member_is_strict(planned: Sequence[Planned], stack: Stack) -> Iterator[Finding]:
    """Where there is an istiod, a policy of the whole mesh refuses plain text.

    That of an expelled member stays in the program for one update longer than its policies (docs/decisions/0139).
    """
    resources = [one.resource for one in planned]
    strict = stack.expelled | {cluster_of(resource) for resource in resources if _is_mesh_wide_strict(resource)}
    for resource in resources:
        if resource.type == RELEASE and _chart(resource) == "istiod" and cluster_of(resource) not in strict:
            yield Finding(
                where=f"member {cluster_of(resource)}",
                what=f"no PeerAuthentication in {ISTIO_NAMESPACE} asks for STRICT, and Istio takes plain text then",
                mend=_RELAX,
                urn=resource.urn,
            )


def east_west_gateway_publishes_two_ports(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """Other networks reach health and mutual TLS, and neither istiod nor its webhooks."""
    if resource.type == RELEASE and _chart(resource) == "gateway":
        values = section(resource.inputs, "values")
        labels = section(values, "labels") or {}
        if section(values, "networkGateway"):
            yield _ports(resource, "networkGateway publishes istiod's ports 15012 and 15017 as well", "networkGateway")
        elif labels.get("istio") == EAST_WEST or NETWORK_LABEL in labels:
            # The chart's own default is what an ingress gateway needs: 15021, 80 and 443.
            ports = section(values, "service", "ports") or [{"port": 80}, {"port": 443}]
            yield from _published(resource, ports)
    elif resource.type == SERVICE and section(resource.inputs, "spec", "selector", "istio") == EAST_WEST:
        yield from _published(resource, section(resource.inputs, "spec", "ports") or [])


def _published(resource: Resource, ports: Sequence[Any]) -> Iterator[Finding]:
    others = sorted({int(port) for entry in ports if (port := section(entry, "port"))} - EAST_WEST_PORTS)
    if others:
        told = f"port {others[0]}" if len(others) == 1 else f"ports {', '.join(map(str, others))}"
        yield _ports(resource, f"it publishes {told} to the internet", "service.ports")


def _is_mesh_wide_strict(resource: Resource) -> bool:
    state = resource.inputs
    return (
        resource.type.endswith(f":{PEER_AUTHENTICATION}")
        and section(state, "metadata", "namespace") in (ISTIO_NAMESPACE, None)
        and not section(state, "spec", "selector")
        and section(state, "spec", "mtls", "mode") == STRICT
    )


def _chart(release: Resource) -> str:
    return PurePosixPath(str(section(release.inputs, "chart") or "")).name


def _tls(resource: Resource, what: str) -> Finding:
    return Finding(where=resource.name, what=what, mend=_RELAX, urn=resource.urn)


def _ports(resource: Resource, what: str, key: str) -> Finding:
    return Finding(
        where=f"gateway {resource.name}",
        what=what,
        mend=f"Take {key} out of fleet:eastWest.values; 15021 and 15443 are enough",
        urn=resource.urn,
    )
