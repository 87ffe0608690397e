"""The Cloud Firewall of a NodeBalancer, as a Service asks for it by annotations: the user's own, or one made of an ACL.

https://github.com/linode/linode-cloud-controller-manager/blob/main/docs/configuration/firewall.md
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sandbox.clusters.cloud_controller.annotations import AnnotationError, asked_for
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from linode_api4 import LinodeClient

    from sandbox.clusters.cloud_controller.objects import Object

_ID: Final = "firewall-id"
_ACL: Final = "firewall-acl"
_MOST_ADDRESSES: Final = 255
"""Of a rule."""


class Firewalls:
    """Keeps the firewalls of NodeBalancers at what Services ask for."""

    def __init__(self, linode: LinodeClient) -> None:
        self._linode = linode

    def of_new(self, service: Object, *, label: str, tags: list[str]) -> dict[str, int]:
        """What a request for a new NodeBalancer says of its firewall, which is made if an ACL asks for it.

        Raises:
            AnnotationError: the annotations are not understood.
            ApiError: Linode refused.

        """
        asked = asked_for(service)
        if _ID in asked:
            return {"firewall_id": _number(asked[_ID])}
        if _ACL in asked:
            return {"firewall_id": self._made(service, label=label, tags=tags)}
        return {}

    def ensure(self, service: Object, balancer_id: int, *, label: str, tags: list[str]) -> None:
        """Make the firewall of a NodeBalancer what the Service asks for; asked for none, it has none.

        Raises:
            AnnotationError: the annotations are not understood.
            ApiError: Linode refused.
            SandboxError: the NodeBalancer has several, of which nobody can say which is meant.

        """
        asked, present = asked_for(service), self._present(balancer_id)
        if _ID in asked:
            wanted = _number(asked[_ID])
            if present is not None and present["id"] != wanted:
                # Linode's own controller adds the new one first, which Linode refuses while both are enabled.
                self._unassign(present["id"], balancer_id)
            if present is None or present["id"] != wanted:
                self._assign(wanted, balancer_id)
        elif _ACL not in asked:
            if present is not None:
                self._unassign(present["id"], balancer_id)
                if not self._devices(present["id"]):
                    self._linode.delete(f"/networking/firewalls/{present['id']}")
        elif present is None:
            self._assign(self._made(service, label=label, tags=tags), balancer_id)
        else:
            rules = acl_rules(service, label=present["label"])
            if any(present["rules"].get(name) != value for name, value in rules.items()):
                self._linode.put(f"/networking/firewalls/{present['id']}/rules", data=rules)

    def remove(self, service: Object, balancer_id: int) -> None:
        """Delete the firewall that an ACL made, unless others use it. Raises ApiError, and SandboxError as `ensure`."""
        if _ACL not in asked_for(service):
            return
        present = self._present(balancer_id)
        if present is not None and len(self._devices(present["id"])) <= 1:
            self._linode.delete(f"/networking/firewalls/{present['id']}")

    def _made(self, service: Object, *, label: str, tags: list[str]) -> int:
        rules = acl_rules(service, label=label)
        # One that was made before the request for its NodeBalancer failed.
        for known in self._linode.get("/networking/firewalls?page_size=500")["data"]:
            if known["label"] == label:
                self._linode.put(f"/networking/firewalls/{known['id']}/rules", data=rules)
                return int(known["id"])
        made = self._linode.post("/networking/firewalls", data={"label": label, "tags": tags, "rules": rules})
        return int(made["id"])

    def _present(self, balancer_id: int) -> dict[str, Any] | None:
        found = self._linode.get(f"/nodebalancers/{balancer_id}/firewalls")["data"]
        if len(found) > 1:
            raise SandboxError(
                what=f"The firewall of the NodeBalancer {balancer_id} is left as it is",
                why=f"it has {len(found)}: {', '.join(str(firewall['id']) for firewall in found)}",
                remedy="Take it off all but one",
            )
        return found[0] if found else None

    def _devices(self, firewall_id: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._linode.get(f"/networking/firewalls/{firewall_id}/devices")["data"]
        return found

    def _assign(self, firewall_id: int, balancer_id: int) -> None:
        device = {"id": balancer_id, "type": "nodebalancer"}
        self._linode.post(f"/networking/firewalls/{firewall_id}/devices", data=device)

    def _unassign(self, firewall_id: int, balancer_id: int) -> None:
        for device in self._devices(firewall_id):
            if (device["entity"]["type"], device["entity"]["id"]) == ("nodebalancer", balancer_id):
                self._linode.delete(f"/networking/firewalls/{firewall_id}/devices/{device['id']}")


def acl_rules(service: Object, *, label: str) -> dict[str, Any]:
    """The rules that a Service's ACL comes to: its list for the Service's ports, and the opposite for everybody else.

    Raises AnnotationError if it is no ACL.
    """
    text = asked_for(service)[_ACL]
    try:
        acl = json.loads(text)
        given = {name: acl[name] for name in ("allowList", "denyList") if acl.get(name) is not None}
        [(name, addresses)] = given.items()
        inbound = list(_inbound(service, label, "ACCEPT" if name == "allowList" else "DROP", addresses))
    except (ValueError, AttributeError, TypeError) as error:
        wanted = 'either {"allowList": {"ipv4": [...], "ipv6": [...]}} or the same with denyList'
        raise AnnotationError.of(_ACL, text, wanted) from error
    return {
        "inbound": inbound,
        "inbound_policy": "DROP" if name == "allowList" else "ACCEPT",
        "outbound_policy": "ACCEPT",
    }


def _inbound(service: Object, label: str, action: str, addresses: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    name = service.metadata.name
    rule = {
        "action": action,
        "protocol": "TCP",
        "ports": ",".join(str(port.port) for port in service.spec.ports),
        "label": f"{action}-{name}"[:32],
        "description": f"Created by linode-ccm: {label}, for {name}"[:100],
    }
    families = {family: addresses[family] for family in ("ipv4", "ipv6") if addresses.get(family)}
    if sum(len(found) for found in families.values()) <= _MOST_ADDRESSES:
        yield {**rule, "addresses": families}
        return
    for family, found in families.items():
        for first in range(0, len(found), _MOST_ADDRESSES):
            yield {**rule, "addresses": {family: found[first : first + _MOST_ADDRESSES]}}


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise AnnotationError.of(_ID, text, "the number of a Cloud Firewall") from error
