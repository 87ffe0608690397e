"""The API's JSON as a Firewall's outputs, and its inputs as the API's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.plugins.linode.forms import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.plugins.framework import Properties, Value
    from sandbox.plugins.linode.api import Json

KINDS: Final[Mapping[str, str]] = {
    "linodes": "linode",
    "nodebalancers": "nodebalancer",
    "interfaces": "linode_interface",
}
"""The API's word for what each of the properties names."""
RULES: Final = ("inbounds", "inboundPolicy", "outbounds", "outboundPolicy")
"""The properties that are the firewall's rules."""


def firewall_outputs(firewall: Json, devices: Iterable[Json]) -> Properties:
    """What the provider records of a firewall as it is."""
    rules, devices = firewall["rules"], list(devices)
    outputs = {name: _ids(devices, kind) for name, kind in KINDS.items()}
    return outputs | {
        "created": moment(firewall["created"]),
        "devices": [_device(device) for device in devices],
        "disabled": firewall["status"] == "disabled",
        "fingerprint": rules["fingerprint"],
        "inboundPolicy": rules["inbound_policy"],
        "inbounds": [_rule(rule) for rule in rules["inbound"] or ()],
        "label": firewall["label"],
        "outboundPolicy": rules["outbound_policy"],
        "outbounds": [_rule(rule) for rule in rules["outbound"] or ()],
        "status": firewall["status"],
        "tags": sorted(firewall["tags"]),
        "updated": moment(firewall["updated"]),
        "version": rules["version"],
    }


def creation_body(inputs: Properties) -> Json:
    """The request that makes a firewall."""
    names = {"linodes": "linodes", "nodebalancers": "nodebalancers", "interfaces": "linode_interfaces"}
    return {
        "devices": {field: inputs[name] for name, field in names.items() if name in inputs},
        "label": inputs["label"],
        "rules": rules_body(inputs),
        "tags": inputs["tags"],
    }


def rules_body(inputs: Properties) -> Json:
    """The rules in a request."""
    return {
        "inbound": [_rule_body(rule) for rule in inputs.get("inbounds") or ()],
        "inbound_policy": inputs["inboundPolicy"],
        "outbound": [_rule_body(rule) for rule in inputs.get("outbounds") or ()],
        "outbound_policy": inputs["outboundPolicy"],
    }


def _rule_body(rule: Mapping[str, Value]) -> Json:
    names = ("action", "label", "protocol", "description", "ports")
    addresses = {family: rule[f"{family}s"] for family in ("ipv4", "ipv6") if rule.get(f"{family}s")}
    return {name: rule[name] for name in names if rule.get(name)} | {"addresses": addresses}


def _rule(rule: Json) -> Properties:
    found = {name: rule[name] for name in ("action", "label", "ports", "protocol") if rule.get(name)}
    addresses = rule.get("addresses") or {}
    networks = {f"{family}s": addresses[family] for family in ("ipv4", "ipv6") if addresses.get(family)}
    return found | networks | {"description": rule.get("description") or ""}


def _ids(devices: Iterable[Json], kind: str) -> list[int]:
    return sorted(device["entity"]["id"] for device in devices if device["entity"]["type"] == kind)


def _device(device: Json) -> Properties:
    entity = device["entity"]
    return {
        "entityId": entity["id"],
        "id": device["id"],
        "label": entity["label"],
        "type": entity["type"],
        "url": entity["url"],
    }
