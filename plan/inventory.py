"""What Linode bills of a set of resources: nodes, control planes, NodeBalancers and volumes, by cluster.

NodeBalancers and many volumes are made by the clusters' own controllers, and not by the program: they are read from
what makes them, Services, claims and the values of Helm releases. Not counted: network transfer beyond the allowance,
backups, object storage, and what Karmada propagates.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ByteSize, TypeAdapter

from plan.pools import pools_of
from plan.steps import LKE_CLUSTER, RELEASE, SERVICE, VOLUME, VOLUME_CLAIM, cluster_of, known, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plan.steps import Resource

_MINIMUM_VOLUME_GB: Final = 10
"""Linode API v4, POST /volumes; the storage driver rounds claims up to it."""
_BYTES: Final = TypeAdapter(ByteSize)
_GIB: Final = 2**30
"""What the storage driver asks for as one GB of a volume (linode-blockstorage-csi-driver, internal/driver)."""


class Kind(enum.StrEnum):
    """What is billed, in the order of a bill."""

    NODES = "nodes"
    CONTROL_PLANE = "control plane"
    LOAD_BALANCERS = "NodeBalancers"
    VOLUMES = "volumes"


@dataclass(frozen=True, kw_only=True)
class Item:
    """So many of one thing in one cluster; low and high differ where an autoscaler decides."""

    cluster: str
    region: str
    kind: Kind
    rate: str
    """The id of its price."""
    count: int
    low: int
    high: int
    label: str
    """What it is for: a pool, a Service, a claim."""


def inventory(resources: Iterable[Resource]) -> list[Item]:
    """Everything billed of these resources; what lives in no LKE cluster among them is left out."""
    listed = list(resources)
    regions = {
        cluster_of(resource): str(section(resource.inputs, "region") or "")
        for resource in listed
        if resource.type == LKE_CLUSTER
    }
    return [item for resource in listed for item in _items(resource, regions)]


def _items(resource: Resource, regions: dict[str, str]) -> Iterator[Item]:
    cluster = cluster_of(resource)
    if resource.type == VOLUME:
        size = int(known(resource.inputs.get("size")) or _MINIMUM_VOLUME_GB)
        region = str(section(resource.inputs, "region") or "")
        yield _fixed("", region, Kind.VOLUMES, "volume", size, resource.name)
    if cluster not in regions:
        return
    region = regions[cluster]
    if resource.type == LKE_CLUSTER:
        yield _control_plane(resource, cluster, region)
        yield from _pools(resource, cluster, region)
    elif resource.type == SERVICE and section(resource.inputs, "spec", "type") == "LoadBalancer":
        yield _fixed(cluster, region, Kind.LOAD_BALANCERS, "nodebalancer", 1, resource.name)
    elif resource.type == VOLUME_CLAIM:
        size = section(resource.inputs, "spec", "resources", "requests", "storage")
        yield _fixed(cluster, region, Kind.VOLUMES, "volume", gigabytes(size), resource.name)
    elif resource.type == RELEASE:
        yield from _release(resource, cluster, region)


def _control_plane(resource: Resource, cluster: str, region: str) -> Item:
    if section(resource.inputs, "tier") == "enterprise":
        rate = "lke-e"
    else:
        rate = "lke-ha" if section(resource.inputs, "controlPlane", "highAvailability") else "lke-sa"
    return _fixed(cluster, region, Kind.CONTROL_PLANE, rate, 1, resource.name)


def _pools(resource: Resource, cluster: str, region: str) -> Iterator[Item]:
    for place, pool in enumerate(pools_of(resource.inputs)):
        count = int(known(pool.get("count")) or 0)
        scaler = known(pool.get("autoscaler")) or {}
        yield Item(
            cluster=cluster,
            region=region,
            kind=Kind.NODES,
            rate=str(pool["type"]),
            count=count,
            low=int(scaler.get("min", count)),
            high=int(scaler.get("max", count)),
            label=str(pool.get("label") or place),
        )


def _release(resource: Resource, cluster: str, region: str) -> Iterator[Item]:
    """What a chart makes; both charts' defaults are those of their values.yaml."""
    values = section(resource.inputs, "values") or {}
    chart = str(section(resource.inputs, "chart") or "").rsplit("/", 1)[-1]
    if chart == "gateway" and (section(values, "service", "type") or "LoadBalancer") == "LoadBalancer":
        yield _fixed(cluster, region, Kind.LOAD_BALANCERS, "nodebalancer", 1, resource.name)
    if chart == "karmada" and section(values, "installMode") == "host":
        if section(values, "apiServer", "serviceType") == "LoadBalancer":
            yield _fixed(cluster, region, Kind.LOAD_BALANCERS, "nodebalancer", 1, resource.name)
        etcd = section(values, "etcd", "internal") or {}
        if section(etcd, "storageType") == "pvc":
            size = gigabytes(section(etcd, "pvc", "size")) * int(section(etcd, "replicaCount") or 1)
            yield _fixed(cluster, region, Kind.VOLUMES, "volume", size, f"{resource.name}, etcd")


def _fixed(cluster: str, region: str, kind: Kind, rate: str, count: int, label: str) -> Item:
    return Item(cluster=cluster, region=region, kind=kind, rate=rate, count=count, low=count, high=count, label=label)


def gigabytes(quantity: Any) -> int:
    """The size of the volume that a claim gets: `5Gi` gives 10, `20Gi` gives 20."""
    if not quantity:
        return _MINIMUM_VOLUME_GB
    # Kubernetes' suffixes are those of bytes without the B; its own client's parser takes most of a second to import.
    return max(_MINIMUM_VOLUME_GB, math.ceil(_BYTES.validate_python(f"{quantity}B") / _GIB))
