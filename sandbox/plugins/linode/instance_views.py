"""The API's JSON of regions, types and instances as the results of the look-up functions.

The shapes are those of pulumi-linode's schema: where Terraform has a block, Pulumi has a list of at most
one, under a plural name.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.plugins.framework import Properties
    from sandbox.plugins.linode.api import Json

_INSTANCE_FIELDS: Final = (
    "capabilities",
    "disk_encryption",
    "has_user_data",
    "host_uuid",
    "id",
    "image",
    "interface_generation",
    "ipv6",
    "label",
    "lke_cluster_id",
    "locks",
    "maintenance_policy",
    "region",
    "status",
    "tags",
    "type",
    "watchdog_enabled",
)
_LIMITS: Final = ("maximum_linodes_per_pg", "maximum_pgs_per_customer")
# What the API leaves out or gives as null has the zero value of its type, as in Go.
_ZEROES: Final[Mapping[str, Any]] = {
    "capabilities": [],
    "has_user_data": False,
    "id": 0,
    "lke_cluster_id": 0,
    "locks": [],
    "tags": [],
    "watchdog_enabled": False,
}


def region(record: Json) -> Properties:
    """One region, as getRegions has it."""
    resolvers = record.get("resolvers") or {}
    monitors = record.get("monitors") or {}
    limits = record.get("placement_group_limits")
    return {
        "capabilities": record["capabilities"],
        "country": record["country"],
        "id": record["id"],
        "label": record["label"],
        "monitors": {name: monitors.get(name) or [] for name in ("alerts", "metrics")},
        "placementGroupLimits": [{_camel_name(name): limits.get(name) or 0 for name in _LIMITS}] if limits else [],
        "resolvers": [{family: resolvers.get(family, "") for family in ("ipv4", "ipv6")}],
        "siteType": record.get("site_type", ""),
        "status": record["status"],
    }


def instance_type(record: Json) -> Properties:
    """One type of instance, as getInstanceTypes has it."""
    backups = (record.get("addons") or {}).get("backups") or {}
    return {
        "acceleratedDevices": record.get("accelerated_devices") or 0,
        "addons": [{"backups": [_prices(backups)]}],
        "class": record["class"],
        "disk": record["disk"],
        "id": record["id"],
        "label": record["label"],
        "memory": record["memory"],
        "networkOut": record["network_out"],
        "transfer": record["transfer"],
        "vcpus": record["vcpus"],
        **_prices(record),
    }


def instance(record: Json, *, disks: Sequence[Json], configs: Sequence[Json]) -> Properties:
    """One instance, as getInstances has it."""
    public, private = _addresses(record["ipv4"])
    group = record.get("placement_group")
    return {_camel_name(name): _or_zero(name, record.get(name)) for name in _INSTANCE_FIELDS} | {
        "alerts": _camel(record.get("alerts") or {}),
        "backups": [_backups(record.get("backups") or {})],
        "bootConfigLabel": configs[0]["label"] if len(configs) == 1 else "",
        "configs": [_config(config, disks) for config in configs],
        "disks": [{name: disk[name] for name in ("filesystem", "id", "label", "size")} for disk in disks],
        "ipAddress": public,
        "ipv4s": record["ipv4"],
        "placementGroups": [_camel(group)] if group else [],
        "privateIpAddress": private,
        "specs": [_specs(record.get("specs") or {})],
        "swapSize": sum(disk["size"] for disk in disks if disk["filesystem"] == "swap"),
    }


def _addresses(addresses: Iterable[str]) -> tuple[str, str]:
    """The first public and the first private address, empty where there is none.

    The private ones are Linode's 192.168.128.0/17; documentation ranges count as public.
    """
    private = ipaddress.ip_network("192.168.128.0/17")
    parsed = [ipaddress.ip_address(address) for address in addresses]
    return (
        next((str(address) for address in parsed if address not in private), ""),
        next((str(address) for address in parsed if address in private), ""),
    )


def _prices(record: Json) -> Properties:
    price = record.get("price") or {}
    return {
        "prices": [{name: price.get(name) or 0 for name in ("hourly", "monthly")}],
        "regionPrices": [
            {name: one.get(name) or 0 for name in ("hourly", "monthly")} | {"id": one["id"]}
            for one in record.get("region_prices") or ()
        ],
    }


def _backups(record: Json) -> Properties:
    schedule = record.get("schedule") or {}
    return {
        "available": record.get("available") or False,
        "enabled": record.get("enabled") or False,
        "schedules": [{name: schedule.get(name) or "" for name in ("day", "window")}],
    }


def _specs(record: Json) -> Properties:
    names = ("accelerated_devices", "disk", "gpus", "memory", "transfer", "vcpus")
    return {_camel_name(name): record.get(name) or 0 for name in names}


def _config(record: Json, disks: Sequence[Json]) -> Properties:
    labels = {disk["id"]: disk["label"] for disk in disks}
    names = ("comments", "id", "kernel", "label", "memory_limit", "root_device", "run_level", "virt_mode")
    devices = (record.get("devices") or {}).items()
    return {_camel_name(name): record.get(name) or _or_zero(name, None) for name in names} | {
        "devices": [{f"{name}s": [_device(device, labels)] if device else [] for name, device in devices}],
        "helpers": [_camel(record.get("helpers") or {})],
        "interfaces": [_camel(interface) for interface in record.get("interfaces") or ()],
        "memoryLimit": record.get("memory_limit") or 0,
    }


def _device(device: Json, labels: Mapping[int, str]) -> Properties:
    disk = device.get("disk_id")
    if disk:
        return {"diskId": disk, "diskLabel": labels.get(disk, "")}
    return {"diskId": 0, "volumeId": device.get("volume_id") or 0}


def _or_zero(name: str, value: Any) -> Any:
    return _ZEROES.get(name, "") if value is None else value


def _camel(value: Any) -> Any:
    """The value with every key in camel case, and without nulls."""
    match value:
        case dict():
            return {_camel_name(name): _camel(item) for name, item in value.items() if item is not None}
        case list():
            return [_camel(item) for item in value]
        case _:
            return value


def _camel_name(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)
