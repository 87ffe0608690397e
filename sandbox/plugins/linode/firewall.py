"""Firewall: a Cloud Firewall with its rules, and the Linodes and NodeBalancers that it is assigned to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from sandbox.plugins.framework import UNKNOWN, Created, Found, InitializationError, ProviderError, carry_secrets, reveal
from sandbox.plugins.framework.schema import Use
from sandbox.plugins.framework.shaping import live_inputs, planned
from sandbox.plugins.linode import firewall_rules
from sandbox.plugins.linode.connection import AccountResource
from sandbox.plugins.linode.firewall_schema import FIREWALL
from sandbox.plugins.linode.firewall_views import KINDS, RULES, creation_body, firewall_outputs, rules_body
from sandbox.plugins.linode.forms import moment, number, with_folded_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.plugins.framework import (
        CheckFailure,
        CreateRequest,
        DeleteRequest,
        Properties,
        ReadRequest,
        UpdateRequest,
        Value,
    )
    from sandbox.plugins.framework.schema import Schema
    from sandbox.plugins.linode.api import Api, Json

# What the official provider plans anew in every update; of all else that it fills in, it plans what it recorded.
_NEW_AT_EVERY_UPDATE: Final = ("fingerprint", "updated", "version")


class Firewall(AccountResource):
    """A Cloud Firewall."""

    token = "linode:index/firewall:Firewall"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = FIREWALL

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """The official provider's own."""
        return list(firewall_rules.failures(inputs))

    def normal(self, inputs: Mapping[str, Value]) -> Properties:
        """Tags are the same in capital letters, to Linode."""
        return with_folded_tags(super().normal(inputs))

    def create(self, request: CreateRequest) -> Created:
        """Make the firewall; it is enabled for a moment even if it is to be disabled, as with the official one."""
        if request.preview:
            return Created(id="", outputs=planned(self.schema, request.inputs))
        api, inputs = self._connection.api(), reveal(self.effective(request.inputs))
        firewall = api.post("/networking/firewalls", creation_body(inputs))
        path = _path(firewall["id"])
        try:
            if inputs["disabled"]:
                firewall = api.put(path, {"status": "disabled"})
            outputs = firewall_outputs(firewall, api.list(f"{path}/devices")) | _given(inputs)
        except ProviderError as error:
            raise InitializationError(
                f"firewall {firewall['id']} was created, but: {error}",
                resource_id=str(firewall["id"]),
                outputs=carry_secrets(request.inputs, firewall_outputs(firewall, ())),
            ) from error
        return Created(id=str(firewall["id"]), outputs=carry_secrets(request.inputs, outputs))

    def read(self, request: ReadRequest) -> Found | None:
        """Look at the firewall; None if the API knows it no longer."""
        api, path = self._connection.api(), _path(_number(request.id))
        firewall = api.find(path)
        if firewall is None:
            return None
        outputs = firewall_outputs(firewall, api.list(f"{path}/devices"))
        return Found(
            id=request.id,
            inputs=self._live(request.inputs, outputs),
            outputs=carry_secrets(request.inputs, outputs),
        )

    def _live(self, known: Properties, outputs: Properties) -> Properties:
        """The inputs as they are live: what the program gave, and what differs from it or from a default.

        Somebody may have added rules, or disabled the firewall, where the program says nothing of it.
        """
        if not known:
            return live_inputs(self.schema, known, outputs)
        settable = {name: prop for name, prop in self.schema.items() if prop.settable}
        before = self.normal(reveal(known))
        live = self.normal({name: outputs[name] for name in settable})
        found = {name: known[name] for name in settable if name in known}
        for name, prop in settable.items():
            left_to_provider = prop.use is Use.FILLED and name not in known
            if not left_to_provider and (before.get(name) or None) != (live[name] or None):
                found[name] = carry_secrets(known.get(name), outputs[name])
        return found

    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Change what differs from what was recorded; devices, once any differ, are made those that are wanted."""
        inputs, recorded = _given(self.effective(request.inputs)), dict(request.old_outputs)
        if request.preview:
            plan = planned(self.schema, request.inputs)
            known = {name: value for name, value in plan.items() if value is not UNKNOWN}
            return recorded | known | dict.fromkeys(_NEW_AT_EVERY_UPDATE, UNKNOWN)
        api, path = self._connection.api(), _path(_number(request.id))
        wanted, before = reveal(recorded | inputs), reveal(recorded)
        # The official provider plans these from what it recorded: they are not looked up after a change of devices.
        outputs = recorded | inputs
        changes = _changes(wanted, before)
        if changes:
            outputs["updated"] = moment(api.put(path, changes)["updated"])
        if any(wanted[name] != before.get(name) for name in RULES):
            rules = api.put(f"{path}/rules", rules_body(wanted))
            outputs |= {"fingerprint": rules["fingerprint"], "version": rules["version"]}
        if any(_set(wanted, name) != _set(before, name) for name in KINDS):
            _assign(api, path, {(kind, entity) for name, kind in KINDS.items() for entity in _set(wanted, name)})
        shown: Properties = carry_secrets(request.inputs, outputs)
        return shown

    def delete(self, request: DeleteRequest) -> None:
        """Delete the firewall with its devices; one that is gone already is a mistake, as with the official one."""
        api, path = self._connection.api(), _path(_number(request.id))
        api.get(path)
        api.remove(path)


def _given(inputs: Mapping[str, Value]) -> Properties:
    """What is recorded as the program gave it; rules that it does not give are none."""
    return {"inbounds": [], "outbounds": []} | dict(inputs)


def _changes(wanted: Properties, before: Properties) -> Json:
    body: Json = {}
    if wanted["label"] != before.get("label"):
        body["label"] = wanted["label"]
    if set(wanted["tags"]) != set(before.get("tags") or ()):
        body["tags"] = wanted["tags"]
    if wanted["disabled"] != before.get("disabled"):
        body["status"] = "disabled" if wanted["disabled"] else "enabled"
    return body


def _assign(api: Api, path: str, wanted: set[tuple[str, int]]) -> None:
    """Add the devices that are missing, then remove the others, those too that somebody else added."""
    live = {(device["entity"]["type"], device["entity"]["id"]): device["id"] for device in api.list(f"{path}/devices")}
    for kind, entity in sorted(wanted - live.keys()):
        api.post(f"{path}/devices", {"id": entity, "type": kind})
    for other in sorted(live.keys() - wanted):
        api.remove(f"{path}/devices/{live[other]}")


def _set(properties: Properties, name: str) -> set[int]:
    return set(properties.get(name) or ())


def _path(firewall_id: int) -> str:
    return f"/networking/firewalls/{firewall_id}"


def _number(identity: str) -> int:
    return number(identity, of="a firewall")
