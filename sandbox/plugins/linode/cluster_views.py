"""The API's JSON of clusters and pools as results of the look-up functions, in the shape of pulumi-linode's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.plugins.framework import secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.plugins.framework import Properties
    from sandbox.plugins.linode.api import Json


def listed(record: Json) -> Properties:
    """One cluster, as getLkeClusters has it."""
    return _common(record) | {"controlPlane": _control_plane(record.get("control_plane") or {})}


def whole(
    record: Json, pools: Iterable[Json], *, kubeconfig: str, endpoints: Iterable[Json], acl: Mapping[str, Any] | None
) -> Properties:
    """One cluster, as getLkeCluster has it."""
    plane: Properties = _control_plane(record.get("control_plane") or {}) | {"acls": []}
    if acl is not None:
        addresses = acl.get("addresses") or {}
        listed_addresses = {f"{family}s": sorted(addresses.get(family) or ()) for family in ("ipv4", "ipv6")}
        plane["acls"] = [{"addresses": [listed_addresses], "enabled": acl.get("enabled") or False}]
    return _common(record) | {
        "apiEndpoints": [endpoint["endpoint"] for endpoint in endpoints],
        "controlPlanes": [plane],
        "kubeconfig": secret(kubeconfig),
        "pools": [_pool(pool) for pool in pools],
    }


def _common(record: Json) -> Properties:
    return {
        "aplEnabled": record.get("apl_enabled") or False,
        "created": record["created"],
        "id": record["id"],
        "k8sVersion": record["k8s_version"],
        "label": record["label"],
        "region": record["region"],
        "stackType": record.get("stack_type") or "",
        "subnetId": record.get("subnet_id") or 0,
        "status": record.get("status") or "",
        "tags": sorted(record.get("tags") or ()),
        "tier": record.get("tier") or "",
        "updated": record["updated"],
        "vpcId": record.get("vpc_id") or 0,
    }


def _control_plane(plane: Json) -> Properties:
    return {
        "auditLogsEnabled": plane.get("audit_logs_enabled") or False,
        "highAvailability": plane.get("high_availability") or False,
    }


def _pool(pool: Json) -> Properties:
    scaler = pool.get("autoscaler") or {"enabled": False, "max": pool["count"], "min": pool["count"]}
    return {
        "autoscalers": [{name: scaler[name] for name in ("enabled", "max", "min")}],
        "count": pool["count"],
        "diskEncryption": pool.get("disk_encryption") or "",
        "disks": [{"size": disk["size"], "type": disk["type"]} for disk in pool.get("disks") or ()],
        "firewallId": pool.get("firewall_id") or 0,
        "id": pool["id"],
        "k8sVersion": pool.get("k8s_version") or "",
        "label": pool.get("label") or "",
        "labels": pool.get("labels") or {},
        "nodes": [
            {"id": node["id"], "instanceId": node["instance_id"] or 0, "status": node["status"]}
            for node in pool.get("nodes") or ()
        ],
        "tags": sorted(pool.get("tags") or ()),
        "taints": [{name: taint[name] for name in ("effect", "key", "value")} for taint in pool.get("taints") or ()],
        "type": pool["type"],
        "updateStrategy": pool.get("update_strategy") or "",
    }
