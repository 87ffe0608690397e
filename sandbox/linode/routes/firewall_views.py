"""Firewall records as the API shows them, how a path's ids lead to them, and what they may be assigned to."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import Problem, invalid, invalid_all, not_found
from sandbox.linode.schemas.firewalls import DeviceEntity, Firewall, FirewallDevice, Rules
from sandbox.linode.state.events import entity_of
from sandbox.linode.state.firewalls import ENABLED, enabled_firewall, entities_of, entity_at, firewalls_of
from sandbox.linode.state.records import FirewallDeviceRecord, FirewallRecord, FirewallRule, FirewallRules, NodeRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.linode.operations import Call
    from sandbox.linode.schemas.firewalls import DevicesRequest, RuleRequest, RulesRequest
    from sandbox.linode.state import Transaction
    from sandbox.linode.state.firewalls import Entity

READ = Scope(service="firewall", access=Access.READ_ONLY)
WRITE = Scope(service="firewall", access=Access.READ_WRITE)
FILTERABLE = frozenset({"created", "id", "label", "tags", "updated"})
"""The fields that lists of firewalls can be filtered by."""

_MOST_RULES = 25
_ONE_ENABLED = "A service can have one assigned firewall enabled at a time"


def firewall_at(call: Call, state: Transaction) -> FirewallRecord:
    """The firewall that the path names. Raises ApiError: 404."""
    return call.record(state, FirewallRecord, "firewall_id")


def device_at(call: Call, state: Transaction) -> FirewallDeviceRecord:
    """The device that the path names. Raises ApiError: 404; a device of another firewall is not found either."""
    return call.record(state, FirewallDeviceRecord, "device_id", firewall_id=firewall_at(call, state).id)


def kept_rules(request: RulesRequest, *, prefix: str = "") -> FirewallRules:
    """The rules of a request, as they are kept. Raises ApiError: 400, there are too many."""
    if len(request.inbound or ()) + len(request.outbound or ()) > _MOST_RULES:
        raise invalid(f"Too many rules submitted. Max allowed is {_MOST_RULES}", field=prefix or None)
    return FirewallRules(
        inbound=_kept(request.inbound),
        inbound_policy=request.inbound_policy,
        outbound=_kept(request.outbound),
        outbound_policy=request.outbound_policy,
    )


def _kept(rules: list[RuleRequest] | None) -> tuple[FirewallRule, ...] | None:
    if rules is None:
        return None
    return tuple(
        FirewallRule(
            **rule.model_dump(exclude={"addresses"}),
            ipv4=None if rule.addresses.ipv4 is None else tuple(rule.addresses.ipv4),
            ipv6=None if rule.addresses.ipv6 is None else tuple(rule.addresses.ipv6),
        )
        for rule in rules
    )


def require_new_label(state: Transaction, label: str, *, of: FirewallRecord | None = None) -> None:
    """A firewall's label is the account's only one. Raises ApiError: 400."""
    if any(known.label == label and (of is None or known.id != of.id) for known in state.all(FirewallRecord)):
        raise invalid("Label must be unique among your firewalls", field="label")


def wanted_entities(state: Transaction, request: DevicesRequest) -> list[Entity]:
    """What a new firewall is to be assigned to.

    Raises ApiError: 400, with everything that the account does not have or that has an enabled firewall already.
    """
    found: list[Entity] = []
    problems: list[Problem] = []
    given = {"linodes": request.linodes, "nodebalancers": request.nodebalancers}
    for name, ids in given.items():
        for index, entity_id in enumerate(dict.fromkeys(ids)):
            field = f"devices.{name}[{index}]"
            entity = entity_at(state, name.removesuffix("s"), entity_id)
            if entity is None:
                problems.append(Problem(reason=f"{name} is not valid", field=field))
            else:
                found.append(entity)
                problems.extend(assignment_problems(state, entity, field=field))
    if request.linode_interfaces:
        # Instances here have the interfaces of their configuration profiles, as LKE's have.
        problems.append(Problem(reason="linode_interfaces is not valid", field="devices.linode_interfaces"))
    if problems:
        raise invalid_all(problems)
    return found


def assignment_problems(
    state: Transaction, entity: Entity, *, field: str, firewall: FirewallRecord | None = None
) -> Iterator[Problem]:
    """Why an entity cannot get a firewall; one that is new is enabled."""
    if firewall is not None and firewall in firewalls_of(state, entity):
        yield Problem(reason="Firewall is already assigned to this service", field=field)
    elif (firewall is None or firewall.status == ENABLED) and enabled_firewall(state, entity) is not None:
        yield Problem(reason=_ONE_ENABLED, field=field)


def require_only_enabled(state: Transaction, firewall: FirewallRecord) -> None:
    """A firewall cannot be enabled while something that it is assigned to has another one that is.

    Raises ApiError: 400.
    """
    if any(enabled_firewall(state, entity) is not None for entity in entities_of(state, firewall.id)):
        raise invalid(_ONE_ENABLED, field="status")


def poke(call: Call, entities: Iterable[Entity]) -> None:
    """Have the load balancers among these, and the clusters whose nodes the others are, brought up to date."""
    call.reconciler.balancing.poke()
    for cluster_id in {entity.cluster_id for entity in entities if isinstance(entity, NodeRecord)}:
        call.reconciler.poke(cluster_id)


def show_firewall(record: FirewallRecord, state: Transaction) -> Firewall:
    """A firewall."""
    entities = tuple(_show_entity(entity) for entity in entities_of(state, record.id))
    return Firewall.of(record, rules=show_rules(record), entities=entities)


def show_rules(record: FirewallRecord) -> Rules:
    """A firewall's rules."""
    rules = record.rules
    shown: dict[str, Any] = {
        "inbound": _show_rules(rules.inbound),
        "inbound_policy": rules.inbound_policy,
        "outbound": _show_rules(rules.outbound),
        "outbound_policy": rules.outbound_policy,
    }
    fingerprint = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:8]
    return Rules(**shown, version=record.version, fingerprint=fingerprint)


def _show_rules(rules: tuple[FirewallRule, ...] | None) -> tuple[dict[str, Any], ...] | None:
    if rules is None:
        return None
    return tuple(
        {
            **rule.model_dump(exclude={"ipv4", "ipv6"}, exclude_none=True),
            "addresses": rule.model_dump(mode="json", include={"ipv4", "ipv6"}, exclude_none=True),
        }
        for rule in rules
    )


def show_device(record: FirewallDeviceRecord, state: Transaction) -> FirewallDevice:
    """A device. Raises ApiError: 404, its entity is gone."""
    entity = entity_at(state, record.entity_type, record.entity_id)
    if entity is None:
        raise not_found()
    return FirewallDevice.of(record, entity=_show_entity(entity))


def _show_entity(entity: Entity) -> DeviceEntity:
    return DeviceEntity.of(entity_of(entity))
