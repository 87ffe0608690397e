"""What firewalls are assigned to: their devices, and the firewalls of a Linode or of a load balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import Problem, invalid_all
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation
from sandbox.linode.routes.balancer_views import READ as READ_BALANCERS
from sandbox.linode.routes.balancer_views import balancer_at
from sandbox.linode.routes.firewall_views import (
    FILTERABLE,
    READ,
    WRITE,
    assignment_problems,
    device_at,
    firewall_at,
    poke,
    show_device,
    show_firewall,
)
from sandbox.linode.routes.instance_parts import node_at
from sandbox.linode.schemas.firewalls import DeviceCreate
from sandbox.linode.state.firewalls import assign, devices_of, entity_at, firewalls_of, remove_device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.state.firewalls import Entity

_READ_LINODES = Scope(service="linodes", access=Access.READ_ONLY)


async def list_devices(call: Call) -> Mapping[str, Any]:
    """GET /networking/firewalls/{id}/devices."""
    with call.account.store.transaction() as state:
        shown = [show_device(device, state) for device in devices_of(state, firewall_at(call, state).id)]
    return call.listing(shown, filterable=frozenset({"created", "id", "updated"}))


async def create_device(call: Call) -> Mapping[str, Any]:
    """POST /networking/firewalls/{id}/devices."""
    request = call.body(DeviceCreate)
    with call.account.store.transaction() as state:
        firewall = firewall_at(call, state)
        # No instance of LKE has interfaces of Linode's newer kind.
        entity = None if request.type == "linode_interface" else entity_at(state, request.type, request.id)
        if entity is None:
            raise invalid_all([Problem(reason="id is not valid", field="id")])
        problems = list(assignment_problems(state, entity, field="id", firewall=firewall))
        if problems:
            raise invalid_all(problems)
        device = assign(state, firewall, entity, now=call.account.timestamp())
        shown = show_device(device, state).body()
    poke(call, [entity])
    return shown


async def view_device(call: Call) -> Mapping[str, Any]:
    """GET /networking/firewalls/{id}/devices/{id}."""
    with call.account.store.transaction() as state:
        return show_device(device_at(call, state), state).body()


async def delete_device(call: Call) -> Mapping[str, Any]:
    """DELETE /networking/firewalls/{id}/devices/{id}: the firewall no longer applies to it."""
    with call.account.store.transaction() as state:
        device = device_at(call, state)
        entity = entity_at(state, device.entity_type, device.entity_id)
        remove_device(state, device, now=call.account.timestamp())
    poke(call, [entity] if entity is not None else [])
    return {}


async def list_instance_firewalls(call: Call) -> Mapping[str, Any]:
    """GET /linode/instances/{id}/firewalls."""
    node, _, _ = node_at(call)
    return _listing(call, node)


async def list_balancer_firewalls(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/firewalls."""
    with call.account.store.transaction() as state:
        balancer = balancer_at(call, state)
    return _listing(call, balancer)


def _listing(call: Call, entity: Entity) -> Mapping[str, Any]:
    with call.account.store.transaction() as state:
        shown = [show_firewall(firewall, state) for firewall in firewalls_of(state, entity)]
    return call.listing(shown, filterable=FILTERABLE)


_DEVICES = "/networking/firewalls/{firewall_id}/devices"
_BALANCER = "/nodebalancers/{nodebalancer_id}"
_DEVICE = _DEVICES + "/{device_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _DEVICES, list_devices, READ, Bucket.LISTS),
    Operation("POST", _DEVICES, create_device, WRITE),
    Operation("GET", _DEVICE, view_device, READ),
    Operation("DELETE", _DEVICE, delete_device, WRITE),
    Operation("GET", "/linode/instances/{linode_id}/firewalls", list_instance_firewalls, _READ_LINODES, Bucket.LISTS),
    Operation("GET", _BALANCER + "/firewalls", list_balancer_firewalls, READ_BALANCERS, Bucket.LISTS),
)
