"""The API's JSON as LkeCluster's outputs, and its inputs as the API's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework.shaping import with_secrets
from sandbox.plugins.linode.schema import LKE_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.plugins.framework import Properties, Value
    from sandbox.plugins.linode.api import Json

# Fields that are the same in the API and in the provider but for their spelling, absent where the API has null.
_CLUSTER_FIELDS: Final[Mapping[str, str]] = {
    "aplEnabled": "apl_enabled",
    "k8sVersion": "k8s_version",
    "label": "label",
    "region": "region",
    "stackType": "stack_type",
    "status": "status",
    "subnetId": "subnet_id",
    "tier": "tier",
    "vpcId": "vpc_id",
}
_POOL_FIELDS: Final[Mapping[str, str]] = {
    "count": "count",
    "diskEncryption": "disk_encryption",
    "firewallId": "firewall_id",
    "id": "id",
    "k8sVersion": "k8s_version",
    "label": "label",
    "labels": "labels",
    "type": "type",
    "updateStrategy": "update_strategy",
}
_CREATION_FIELDS: Final = ("aplEnabled", "k8sVersion", "label", "region", "stackType", "subnetId", "tier", "vpcId")


def cluster_outputs(
    cluster: Json, pools: Iterable[Json], *, acl: Json | None, endpoints: Iterable[Json], kubeconfig: str | None
) -> Properties:
    """What the provider records of a cluster. `pools` are in the program's order."""
    outputs = _renamed(_CLUSTER_FIELDS, cluster) | {
        "apiEndpoints": [endpoint["endpoint"] for endpoint in endpoints],
        "controlPlane": _control_plane(cluster.get("control_plane") or {}, acl),
        "id": str(cluster["id"]),
        "pools": [pool_outputs(pool) for pool in pools],
        "tags": sorted(cluster.get("tags") or ()),
    }
    return with_secrets(LKE_CLUSTER, outputs if kubeconfig is None else outputs | {"kubeconfig": kubeconfig})


def pool_outputs(pool: Json) -> Properties:
    """What the provider records of a pool."""
    outputs = _renamed(_POOL_FIELDS, pool) | {
        "nodes": [
            _renamed({"id": "id", "instanceId": "instance_id", "status": "status"}, node)
            for node in pool.get("nodes") or ()
        ],
        "tags": sorted(pool.get("tags") or ()),
        "taints": [
            _renamed({"effect": "effect", "key": "key", "value": "value"}, taint) for taint in pool["taints"] or ()
        ]
        if "taints" in pool
        else [],
    }
    autoscaler = pool.get("autoscaler") or {}
    if autoscaler.get("enabled"):
        outputs["autoscaler"] = {"max": autoscaler["max"], "min": autoscaler["min"]}
    return outputs


def cluster_body(inputs: Properties) -> Json:
    """The request that creates a cluster."""
    body: Json = {_CLUSTER_FIELDS[name]: inputs[name] for name in _CREATION_FIELDS if name in inputs}
    body["node_pools"] = [pool_body(pool) for pool in inputs.get("pools") or ()]
    if "tags" in inputs:
        body["tags"] = inputs["tags"]
    if "controlPlane" in inputs:
        body["control_plane"] = control_plane_body(inputs["controlPlane"])
    return body


def pool_body(pool: Mapping[str, Value]) -> Json:
    """The request that creates a pool. An autoscaler's least count is where it starts."""
    scaler = pool.get("autoscaler")
    body: Json = {
        "count": pool["count"] if pool.get("count") else scaler["min"] if scaler else None,
        "labels": pool.get("labels") or {},
        "tags": pool.get("tags") or [],
        "taints": pool.get("taints") or [],
        "type": pool["type"],
    }
    for name in ("diskEncryption", "firewallId", "k8sVersion", "label", "updateStrategy"):
        if pool.get(name):
            body[_POOL_FIELDS[name]] = pool[name]
    if scaler:
        body["autoscaler"] = autoscaler_body(scaler)
    return body


def autoscaler_body(scaler: Mapping[str, Value]) -> Json:
    """An autoscaler that is on."""
    return {"enabled": True, "max": scaler["max"], "min": scaler["min"]}


def control_plane_body(plane: Mapping[str, Value]) -> Json:
    """The control plane's part of a request: what the program gives of it."""
    body: Json = {}
    if "highAvailability" in plane:
        body["high_availability"] = plane["highAvailability"]
    if "auditLogsEnabled" in plane:
        body["audit_logs_enabled"] = plane["auditLogsEnabled"]
    if "acl" in plane:
        body["acl"] = _acl_body(plane["acl"])
    return body


def _acl_body(acl: Mapping[str, Value]) -> Json:
    body: Json = {"enabled": acl["enabled"]} if "enabled" in acl else {}
    addresses: Sequence[Mapping[str, Value]] = acl.get("addresses") or ()
    if addresses:
        # The provider's schema has a list of at most one; the API has the object itself.
        body["addresses"] = {
            family: addresses[0][f"{family}s"] for family in ("ipv4", "ipv6") if f"{family}s" in addresses[0]
        }
    return body


def _control_plane(plane: Json, acl: Json | None) -> Properties:
    outputs: Properties = {
        "auditLogsEnabled": plane.get("audit_logs_enabled") or False,
        "highAvailability": plane.get("high_availability") or False,
    }
    if acl is not None:
        addresses = acl.get("addresses") or {}
        outputs["acl"] = {
            "addresses": [{f"{family}s": sorted(addresses.get(family) or ()) for family in ("ipv4", "ipv6")}],
            "enabled": acl.get("enabled") or False,
        }
    return outputs


def _renamed(names: Mapping[str, str], record: Mapping[str, Any]) -> Properties:
    return {name: record[field] for name, field in names.items() if record.get(field) is not None}
