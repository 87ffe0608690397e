"""The rules of the stack config on clusters, and on what names them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fleet.config.settings import Layer, Role
from fleet.config.violations import Violation, no_member
from fleet.naming import RESERVED_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.config.settings import FleetConfig


def violations(config: FleetConfig) -> Iterator[Violation]:
    """Every such rule that a config breaks."""
    yield from _names(config)
    yield from _roles(config)
    yield from _networks(config)
    yield from _peers(config)
    yield from _drained(config)
    yield from _expelled(config)
    yield from _members_of_routes(config)


def _names(config: FleetConfig) -> Iterator[Violation]:
    for name in config.clusters:
        if name in RESERVED_NAMES:
            yield Violation(
                path=("clusters", name),
                message=f"{name!r} is what Fleet calls {RESERVED_NAMES[name]}; give the cluster another name",
            )


def _roles(config: FleetConfig) -> Iterator[Violation]:
    managers = [name for name, cluster in config.clusters.items() if cluster.role is Role.MANAGER]
    if len(managers) != 1:
        named = f"{', '.join(map(repr, managers))} are managers" if managers else "no cluster is the manager"
        yield Violation(
            path=("clusters",),
            message=f"{named}; give exactly one cluster the role manager",
            about_all_clusters=True,
        )
    if not config.members:
        yield Violation(
            path=("clusters",),
            message=f"{sorted(config.clusters)!r} has no member; add at least one cluster with the role member",
            about_all_clusters=True,
        )


def _networks(config: FleetConfig) -> Iterator[Violation]:
    owners: dict[str, str] = {}
    for name, cluster in config.clusters.items():
        path = ("clusters", name, "network")
        if cluster.role is Role.MANAGER:
            if cluster.network is not None:
                yield Violation(
                    path=path,
                    message=f"{cluster.network!r} on the manager, which is not in the mesh; drop it",
                )
        elif cluster.network is None:
            yield Violation(path=path, message="None on a member; name a network of its own, such as 'network1'")
        elif cluster.network in owners:
            owner = owners[cluster.network]
            yield Violation(
                path=path,
                message=f"{cluster.network!r} is already the network of {owner!r}; every member needs its own",
            )
        else:
            owners[cluster.network] = name


def _peers(config: FleetConfig) -> Iterator[Violation]:
    """Every member's istiod reads the control planes of the others, from nodes whose addresses come and go."""
    for name, cluster in config.clusters.items():
        path, acl = ("clusters", name, "acl", "peers"), cluster.acl
        if acl is None:
            continue
        if cluster.role is Role.MANAGER:
            if acl.peers:
                yield Violation(path=path, message="True on the manager, whose control plane no member reads; drop it")
            continue
        others = [member for member in config.trusted_members if member != name]
        meshed = Layer.MESH in config.layers and name in config.trusted_members
        if meshed and others and not acl.peers and not acl.lets_everybody_in:
            yield Violation(
                path=path,
                message=f"False, and the mesh cannot work: istiod of {', '.join(others)} reads this control plane from "
                "nodes whose addresses nobody knows beforehand; set it to true",
            )


def _drained(config: FleetConfig) -> Iterator[Violation]:
    for name, cluster in config.clusters.items():
        if cluster.drained and cluster.role is Role.MANAGER:
            yield Violation(
                path=("clusters", name, "drained"), message="True on the manager, which runs no workloads; drop it"
            )


def _expelled(config: FleetConfig) -> Iterator[Violation]:
    for name, cluster in config.clusters.items():
        if cluster.expelled and cluster.role is Role.MANAGER:
            yield Violation(
                path=("clusters", name, "expelled"),
                message="True on the manager, whose orders every member takes; drop it",
            )
    if config.members and not config.trusted_members:
        yield Violation(
            path=("clusters",),
            message=f"only members that are expelled ({', '.join(config.members)}); keep at least one that is not",
            about_all_clusters=True,
        )


def _members_of_routes(config: FleetConfig) -> Iterator[Violation]:
    for name in config.traffic.failover:
        yield from no_member(("traffic", "failover"), name, config.members)
    seen = Counter((route.source, route.target) for route in config.traffic.forbidden)
    for index, route in enumerate(config.traffic.forbidden):
        path = ("traffic", "forbidden", str(index))
        for end in (route.source, route.target):
            yield from no_member(path, end, config.members)
        if seen[route.source, route.target] > 1:
            seen[route.source, route.target] = 1
            yield Violation(path=path, message=f"from {route.source!r} to {route.target!r} stands twice; drop one")
