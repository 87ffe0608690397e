"""Firewalls: list, make, view, change, delete, and their rules. What they are assigned to is in firewall_devices.

The emulator keeps what should be let through; the backend of a node's cluster enforces it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation, listing, viewing
from sandbox.linode.routes.firewall_views import (
    FILTERABLE,
    READ,
    WRITE,
    firewall_at,
    kept_rules,
    poke,
    require_new_label,
    require_only_enabled,
    show_firewall,
    show_rules,
    wanted_entities,
)
from sandbox.linode.schemas.firewalls import FirewallCreate, FirewallUpdate, RulesRequest
from sandbox.linode.state.events import emit
from sandbox.linode.state.firewalls import ENABLED, assign, entities_of, remove_firewall
from sandbox.linode.state.records import FirewallRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_ID = 1_200_000


async def create_firewall(call: Call) -> Mapping[str, Any]:
    """POST /networking/firewalls: enabled from the start."""
    request = call.body(FirewallCreate)
    rules = kept_rules(request.rules, prefix="rules")
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        require_new_label(state, request.label)
        entities = wanted_entities(state, request.devices)
        firewall = FirewallRecord(
            id=state.next_id(FirewallRecord, first=_FIRST_ID),
            label=request.label,
            status=ENABLED,
            rules=rules,
            version=1,
            tags=tuple(request.tags or ()),
            created=now,
            updated=now,
        )
        state.put(firewall)
        emit(state, "firewall_create", firewall, now=now)
        for entity in entities:
            assign(state, firewall, entity, now=now)
        shown = show_firewall(firewall, state).body()
    poke(call, entities)
    return shown


async def update_firewall(call: Call) -> Mapping[str, Any]:
    """PUT /networking/firewalls/{id}: its label, tags, and whether it is enabled."""
    request = call.body(FirewallUpdate)
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        firewall = firewall_at(call, state)
        if request.label is not None:
            require_new_label(state, request.label, of=firewall)
        status = request.status or firewall.status
        if status == ENABLED != firewall.status:
            require_only_enabled(state, firewall)
        changed = firewall.model_copy(
            update={
                "label": request.label or firewall.label,
                "status": str(status),
                "tags": firewall.tags if request.tags is None else tuple(request.tags),
                "updated": now,
            }
        )
        state.put(changed)
        emit(state, _update_action(firewall, changed), changed, now=now)
        entities = entities_of(state, changed.id)
        shown = show_firewall(changed, state).body()
    poke(call, entities)
    return shown


def _update_action(before: FirewallRecord, after: FirewallRecord) -> str:
    """Linode's name of the event."""
    if before.status == after.status:
        return "firewall_update"
    return "firewall_enable" if after.status == ENABLED else "firewall_disable"


async def delete_firewall(call: Call) -> Mapping[str, Any]:
    """DELETE /networking/firewalls/{id}, with its devices: what it was assigned to is open."""
    with call.account.store.transaction() as state:
        firewall = firewall_at(call, state)
        entities = entities_of(state, firewall.id)
        remove_firewall(state, firewall, now=call.account.timestamp())
    poke(call, entities)
    return {}


async def view_rules(call: Call) -> Mapping[str, Any]:
    """GET /networking/firewalls/{id}/rules."""
    with call.account.store.transaction() as state:
        return show_rules(firewall_at(call, state)).body()


async def update_rules(call: Call) -> Mapping[str, Any]:
    """PUT /networking/firewalls/{id}/rules: all of them, in place of the old ones."""
    rules = kept_rules(call.body(RulesRequest))
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        firewall = firewall_at(call, state)
        version = firewall.version + (rules != firewall.rules)
        changed = firewall.model_copy(update={"rules": rules, "version": version, "updated": now})
        state.put(changed)
        emit(state, "firewall_update", changed, now=now)
        entities = entities_of(state, changed.id)
    poke(call, entities)
    return show_rules(changed).body()


_FIREWALLS = "/networking/firewalls"
_FIREWALL = _FIREWALLS + "/{firewall_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _FIREWALLS, listing(FirewallRecord, show_firewall, FILTERABLE), READ, Bucket.LISTS),
    Operation("POST", _FIREWALLS, create_firewall, WRITE),
    Operation("GET", _FIREWALL, viewing(FirewallRecord, "firewall_id", show_firewall), READ),
    Operation("PUT", _FIREWALL, update_firewall, WRITE),
    Operation("DELETE", _FIREWALL, delete_firewall, WRITE),
    Operation("GET", _FIREWALL + "/rules", view_rules, READ),
    Operation("PUT", _FIREWALL + "/rules", update_rules, WRITE),
)
