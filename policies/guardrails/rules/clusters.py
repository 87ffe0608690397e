"""Rules on LKE clusters: control planes, pools and tags."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

from plan.steps import LKE_CLUSTER, cluster_of
from policies.guardrails.model import Finding, Resource, Stack, is_unknown, section

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDEST_PREFIX: Final = {4: 8, 6: 16}
"""The shortest prefix, by IP version, that one organization may have; anything wider is a piece of the internet."""
LEAST_NODES: Final = 2
REQUIRED_TAGS: Final = ("owner", "environment")


def control_plane_is_highly_available(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """A control plane has replicas."""
    if resource.type == LKE_CLUSTER and section(resource.inputs, "controlPlane", "highAvailability") is not True:
        name = cluster_of(resource)
        yield Finding(
            where=f"cluster {name}",
            what="its control plane is a single machine",
            mend=f"Set fleet:clusters.{name}.highAvailability to true; it cannot be turned off again",
            urn=resource.urn,
        )


def control_plane_has_an_acl(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """A control plane is reachable from chosen networks alone."""
    if resource.type != LKE_CLUSTER:
        return
    name = cluster_of(resource)
    acl = section(resource.inputs, "controlPlane", "acl")
    if not isinstance(acl, dict) or acl.get("enabled") is not True:
        yield _acl(resource, name, "its control plane has no ACL, so the whole internet can reach it")
        return
    wide = [network for network in _networks(acl) if is_wide(network)]
    if wide:
        yield _acl(resource, name, f"its ACL lets in {', '.join(wide)}, which is much of the internet")


def pools_survive_a_node(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """Every pool has a node left when one is lost, also at the autoscaler's minimum."""
    if resource.type != LKE_CLUSTER:
        return
    name = cluster_of(resource)
    for place, pool in enumerate(section(resource.inputs, "pools") or []):
        label = section(pool, "label") or place
        least = section(pool, "autoscaler", "min")
        key, count = ("autoscaler.min", least) if least is not None else ("count", section(pool, "count"))
        if count is not None and int(count) < LEAST_NODES:
            yield Finding(
                where=f"cluster {name}",
                what=f"pool {label} may have {int(count)} node, and none when that is lost",
                mend=f"Set fleet:clusters.{name}.pools.{label}.{key} to {LEAST_NODES} or more",
                urn=resource.urn,
            )


def cluster_has_tags(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """A bill and an alert can be traced to somebody."""
    if resource.type != LKE_CLUSTER:
        return
    tags = section(resource.inputs, "tags") or []
    carried = {str(tag).partition(":")[0] for tag in tags if str(tag).partition(":")[2]}
    missing = [tag for tag in REQUIRED_TAGS if tag not in carried]
    if missing:
        yield Finding(
            where=f"cluster {cluster_of(resource)}",
            what=f"it carries no tag {' and no tag '.join(missing)}",
            mend=f"Set {' and '.join(f'fleet:tags.{tag}' for tag in missing)}",
            urn=resource.urn,
        )


def _acl(resource: Resource, name: str, what: str) -> Finding:
    return Finding(
        where=f"cluster {name}",
        what=what,
        mend=f"Set fleet:clusters.{name}.acl to the networks of your operators and your CI, and peers in it to true "
        "for a member of a mesh",
        urn=resource.urn,
    )


def _networks(acl: dict[str, Any]) -> Iterator[str]:
    for addresses in section(acl, "addresses") or []:
        for key in ("ipv4s", "ipv6s"):
            yield from (str(network) for network in section(addresses, key) or [] if not is_unknown(network))


def is_wide(network: str) -> bool:
    """Whether a network is a piece of the internet that no one organization has."""
    parsed = ip_network(network, strict=False)
    return parsed.prefixlen < WIDEST_PREFIX[parsed.version]
