"""Firewalls and what they are assigned to, as they are kept.

An entity (a Linode or a load balancer) can be a device of several firewalls, of which one at most is enabled. A device
goes with its entity, and with its firewall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sandbox.linode.backend import Action, Firewall, FirewallRule, FirewallRules
from sandbox.linode.state.events import emit
from sandbox.linode.state.records import FirewallDeviceRecord, FirewallRecord, NodeBalancerRecord, NodeRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.linode.state.records import FirewallRule as RuleRecord
    from sandbox.linode.state.store import Transaction

Entity: TypeAlias = NodeRecord | NodeBalancerRecord
"""What a firewall can be assigned to."""

ENABLED = "enabled"
_FIRST_DEVICE_ID = 1_500_000


def kind_of(entity: Entity) -> str:
    """The API's word for what an entity is."""
    return "linode" if isinstance(entity, NodeRecord) else "nodebalancer"


def entity_at(state: Transaction, kind: str, entity_id: int) -> Entity | None:
    """The entity of that kind and id, if the account has it."""
    return state.get(NodeRecord, entity_id) if kind == "linode" else state.get(NodeBalancerRecord, entity_id)


def devices_of(state: Transaction, firewall_id: int) -> list[FirewallDeviceRecord]:
    """A firewall's devices, oldest first."""
    return [device for device in state.all(FirewallDeviceRecord) if device.firewall_id == firewall_id]


def entities_of(state: Transaction, firewall_id: int) -> list[Entity]:
    """What a firewall is assigned to."""
    found = (entity_at(state, device.entity_type, device.entity_id) for device in devices_of(state, firewall_id))
    return [entity for entity in found if entity is not None]


def firewalls_of(state: Transaction, entity: Entity) -> list[FirewallRecord]:
    """The firewalls that are assigned to an entity, the disabled ones too."""
    ids = {device.firewall_id for device in _devices_for(state, entity)}
    return [firewall for firewall in state.all(FirewallRecord) if firewall.id in ids]


def enabled_firewall(state: Transaction, entity: Entity) -> FirewallRecord | None:
    """The one firewall that decides about an entity's traffic."""
    return next((firewall for firewall in firewalls_of(state, entity) if firewall.status == ENABLED), None)


def enforced(state: Transaction, entity: Entity) -> Firewall | None:
    """What the backend should enforce for an entity."""
    firewall = enabled_firewall(state, entity)
    if firewall is None:
        return None
    rules = firewall.rules
    return Firewall(
        inbound=_enforced(rules.inbound, rules.inbound_policy),
        outbound=_enforced(rules.outbound, rules.outbound_policy),
    )


def assign(state: Transaction, firewall: FirewallRecord, entity: Entity, *, now: str) -> FirewallDeviceRecord:
    """Make an entity a device of a firewall."""
    device = FirewallDeviceRecord(
        id=state.next_id(FirewallDeviceRecord, first=_FIRST_DEVICE_ID),
        firewall_id=firewall.id,
        entity_type=kind_of(entity),
        entity_id=entity.id,
        created=now,
        updated=now,
    )
    state.put(device)
    emit(state, "firewall_device_add", firewall, now=now, with_=entity)
    return device


def remove_device(state: Transaction, device: FirewallDeviceRecord, *, now: str) -> None:
    """Take a device of a firewall away; its entity stays, without the firewall."""
    firewall = state.get(FirewallRecord, device.firewall_id)
    state.delete(device)
    if firewall is not None:
        entity = entity_at(state, device.entity_type, device.entity_id)
        emit(state, "firewall_device_remove", firewall, now=now, with_=entity)


def unassign(state: Transaction, entity: Entity, *, now: str) -> None:
    """Take an entity's devices away, of all firewalls: the entity itself goes."""
    for device in _devices_for(state, entity):
        remove_device(state, device, now=now)


def remove_firewall(state: Transaction, firewall: FirewallRecord, *, now: str) -> None:
    """Take a firewall away with its devices."""
    for device in devices_of(state, firewall.id):
        state.delete(device)
    state.delete(firewall)
    emit(state, "firewall_delete", firewall, now=now)


def _devices_for(state: Transaction, entity: Entity) -> list[FirewallDeviceRecord]:
    kind = kind_of(entity)
    return [
        device
        for device in state.all(FirewallDeviceRecord)
        if device.entity_type == kind and device.entity_id == entity.id
    ]


def _enforced(rules: Iterable[RuleRecord] | None, policy: str) -> FirewallRules:
    return FirewallRules(
        rules=tuple(
            # Nothing in the sandbox has an IPv6 address.
            FirewallRule(action=Action[rule.action], protocol=rule.protocol, ports=rule.ports, networks=rule.ipv4 or ())
            for rule in rules or ()
        ),
        policy=Action[policy],
    )
