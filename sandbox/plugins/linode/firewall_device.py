"""FirewallDevice: one Linode or NodeBalancer that a firewall is assigned to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sandbox.plugins.framework import Created, Found, ProviderError, carry_secrets, reveal
from sandbox.plugins.framework.shaping import live_inputs, planned
from sandbox.plugins.linode.connection import AccountResource
from sandbox.plugins.linode.firewall_schema import FIREWALL_DEVICE
from sandbox.plugins.linode.forms import moment, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import CreateRequest, DeleteRequest, Properties, ReadRequest, UpdateRequest, Value
    from sandbox.plugins.framework.schema import Schema
    from sandbox.plugins.linode.api import Json


class FirewallDevice(AccountResource):
    """A firewall's device; every change of it is another device."""

    token = "linode:index/firewallDevice:FirewallDevice"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = FIREWALL_DEVICE

    def create(self, request: CreateRequest) -> Created:
        """Assign the firewall."""
        if request.preview:
            return Created(id="", outputs=planned(self.schema, request.inputs))
        inputs = reveal(self.effective(request.inputs))
        path = f"/networking/firewalls/{inputs['firewallId']}/devices"
        device = self._connection.api().post(path, {"id": inputs["entityId"], "type": inputs["entityType"]})
        outputs = _outputs(device, firewall_id=inputs["firewallId"])
        return Created(id=str(device["id"]), outputs=carry_secrets(request.inputs, outputs))

    def read(self, request: ReadRequest) -> Found | None:
        """Look at the device; None if the firewall has it no longer. An import's id is "FIREWALL,DEVICE"."""
        firewall, _, device = request.id.rpartition(",")
        recorded = reveal(request.outputs.get("firewallId")) or firewall
        if not recorded:
            raise ProviderError(f"{request.id!r} does not say whose device it is: import FIREWALL,DEVICE")
        firewall_id = number(str(recorded), of="a firewall")
        path = f"/networking/firewalls/{firewall_id}/devices/{number(device, of='a device')}"
        found = self._connection.api().find(path)
        if found is None:
            return None
        outputs = _outputs(found, firewall_id=firewall_id)
        return Found(
            id=str(found["id"]),
            inputs=live_inputs(self.schema, request.inputs, outputs),
            outputs=carry_secrets(request.inputs, outputs),
        )

    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Nothing of a device can change."""
        return request.old_outputs

    def delete(self, request: DeleteRequest) -> None:
        """Take the firewall away from it; that it is gone already is no mistake."""
        firewall_id = reveal(request.outputs["firewallId"])
        self._connection.api().remove(f"/networking/firewalls/{firewall_id}/devices/{request.id}")


def _outputs(device: Json, *, firewall_id: int) -> Properties:
    return {
        "created": moment(device["created"]),
        "entityId": device["entity"]["id"],
        "entityType": device["entity"]["type"],
        "firewallId": firewall_id,
        "updated": moment(device["updated"]),
    }
