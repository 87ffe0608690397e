"""Rules on the firewalls before Karmada's API: what they let in, and that there is no way around them.

A way is a NodeBalancer whose Service leads to the API server, and the node port of every such Service on every node.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from plan.steps import FIREWALL, LKE_CLUSTER, RELEASE, SERVICE, SERVICE_PATCH, cluster_of
from policies.guardrails.model import Finding, Planned, Resource, Stack, is_unknown, section
from policies.guardrails.rules.clusters import is_wide
from policies.guardrails.rules.karmada import is_control_plane

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

API_SERVER: Final = "karmada-apiserver"
"""The label `app` of the API server's pods (charts/karmada/values.yaml, apiServer.labels)."""
NODE_PORTS: Final = range(30000, 32768)
ACL: Final = "service.beta.kubernetes.io/linode-loadbalancer-firewall-acl"
BY_ID: Final = "service.beta.kubernetes.io/linode-loadbalancer-firewall-id"
"""A firewall of somebody else's, which the cloud controller prefers to the ACL."""
_KINDS: Final = {FIREWALL: "firewall", RELEASE: "release", SERVICE: "service", SERVICE_PATCH: "service"}
_MEND: Final = (
    "Set fleet:karmada.acl to the networks of your operators and your CI, where `pulumi up` runs as well; the members' "
    "nodes come by themselves"
)


def no_firewall_before_karmada_is_wide(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """No firewall lets much of the internet in: at a node port, or at a NodeBalancer that has an ACL at all."""
    if resource.type == FIREWALL:
        wide = [network for network in _networks_at_node_ports(resource.inputs) if is_wide(network)]
        what = f"it lets in {_listed(wide)} at node ports"
    elif resource.type in (SERVICE, SERVICE_PATCH):
        annotations = section(resource.inputs, "metadata", "annotations") or {}
        wide = [network for network in _allowed(section(annotations, ACL)) if is_wide(network)]
        what = f"the NodeBalancer's ACL lets in {_listed(wide)}"
    else:
        return
    if wide:
        yield _finding(resource, f"{what}, which is much of the internet")


def karmada_is_behind_firewalls(planned: Sequence[Planned], stack: Stack) -> Iterator[Finding]:
    """The nodes that Karmada runs on are behind a firewall, and so is each NodeBalancer that leads to its API."""
    for release in (one.resource for one in planned if is_control_plane(one.resource)):
        cluster = cluster_of(release)
        if not any(_guards(one, cluster, planned) for one in planned):
            yield Finding(
                where=f"cluster {cluster}",
                what="its nodes are behind no firewall that drops what it does not name, so the whole internet can "
                "reach the node port of Karmada's API",
                mend=_MEND,
                urn=release.urn,
            )
        api_server = section(release.inputs, "values", "apiServer")
        if section(api_server, "serviceType") == "LoadBalancer":
            yield from _judged(release, section(api_server, "serviceAnnotations") or {})
        for service in planned:
            if cluster_of(service.resource) == cluster and _leads_to_the_api(service.resource):
                yield from _judged(service.resource, _annotations(service.resource, planned))


def _guards(one: Planned, cluster: str, planned: Sequence[Planned]) -> bool:
    """Whether it is a firewall that drops by default, with Linodes of a cluster behind it."""
    inputs = one.resource.inputs
    if one.resource.type != FIREWALL or section(inputs, "disabled") or section(inputs, "inboundPolicy") != "DROP":
        return False
    behind = set(one.sources.get("linodes", ()))
    clusters = (other.resource for other in planned if other.resource.type == LKE_CLUSTER)
    return any(found.urn in behind and cluster_of(found) == cluster for found in clusters)


def _leads_to_the_api(service: Resource) -> bool:
    spec = section(service.inputs, "spec")
    is_balancer = service.type == SERVICE and section(spec, "type") == "LoadBalancer"
    return is_balancer and section(spec, "selector", "app") == API_SERVER


def _annotations(service: Resource, planned: Sequence[Planned]) -> dict[str, Any]:
    """A Service's annotations, and those that patches of it add."""
    found: dict[str, Any] = dict(section(service.inputs, "metadata", "annotations") or {})
    for one in planned:
        if one.resource.type == SERVICE_PATCH and service.urn in one.sources.get("metadata", ()):
            found |= section(one.resource.inputs, "metadata", "annotations") or {}
    return found


def _judged(resource: Resource, annotations: Mapping[str, Any]) -> Iterator[Finding]:
    if BY_ID in annotations:
        yield _finding(resource, "its NodeBalancer has a firewall by its id, and nobody sees here whom that lets in")
    elif ACL not in annotations:
        yield _finding(resource, "its NodeBalancer has no ACL, so the whole internet can reach Karmada's API")
    elif not is_unknown(annotations[ACL]) and not _is_allow_list(annotations[ACL]):
        yield _finding(resource, "its NodeBalancer's ACL does not name whom it lets in, and lets everybody else in")


def _finding(resource: Resource, what: str) -> Finding:
    return Finding(where=f"{_KINDS[resource.type]} {resource.name}", what=what, mend=_MEND, urn=resource.urn)


def _networks_at_node_ports(inputs: Mapping[str, Any]) -> Iterator[str]:
    """The networks that a firewall lets in at any node port; ICMP has no ports, and no API."""
    for rule in section(inputs, "inbounds") or []:
        if section(rule, "action") == "ACCEPT" and section(rule, "protocol") != "ICMP" and _is_at_node_port(rule):
            yield from _known(section(rule, "ipv4s"))
            yield from _known(section(rule, "ipv6s"))


def _is_at_node_port(rule: Any) -> bool:
    ports = section(rule, "ports")
    if not ports:
        return True
    for part in str(ports).split(","):
        first, _, last = part.partition("-")
        if int(first) <= NODE_PORTS[-1] and int(last or first) >= NODE_PORTS[0]:
            return True
    return False


def _allowed(acl: Any) -> Iterator[str]:
    """The networks that an annotation lets in."""
    if acl is not None:
        for networks in (json.loads(acl).get("allowList") or {}).values():
            yield from _known(networks)


def _is_allow_list(acl: Any) -> bool:
    return "allowList" in json.loads(acl)


def _known(networks: Any) -> Iterator[str]:
    yield from (str(network) for network in networks or () if not is_unknown(network))


def _listed(networks: Sequence[str]) -> str:
    return ", ".join(networks)
