"""Load balancers: list, make, view, change, delete. Their ports and backends are in balancer_configs.

The emulator keeps what should be balanced and gives each an address; a backend carries the traffic (balancers.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.errors import invalid_all
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation, listing, viewing
from sandbox.linode.routes.balancer_views import FILTERABLE, READ, WRITE, balancer_at, open_port, show_balancer
from sandbox.linode.rules import not_valid
from sandbox.linode.schemas.nodebalancers import BalancerCreate, BalancerUpdate
from sandbox.linode.state.addresses import Range, lease
from sandbox.linode.state.clusters import remove_balancer
from sandbox.linode.state.events import emit
from sandbox.linode.state.firewalls import assign
from sandbox.linode.state.ownership import cluster_of_tags
from sandbox.linode.state.records import FirewallRecord, NodeBalancerRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.state import Transaction

_FIRST_ID = 1_000_000


async def create_balancer(call: Call) -> Mapping[str, Any]:
    """POST /nodebalancers."""
    request = call.body(BalancerCreate)
    region = call.account.catalogue.regions.get(request.region)
    if region is None or "NodeBalancers" not in region.capabilities:
        raise invalid_all([not_valid("region")])
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        balancer_id = state.next_id(NodeBalancerRecord, first=_FIRST_ID)
        tags = tuple(request.tags or ())
        cluster_id = cluster_of_tags(state, tags)
        balancer = NodeBalancerRecord(
            id=balancer_id,
            cluster_id=cluster_id,
            label=request.label or f"balancer{balancer_id}",
            region=request.region,
            type=request.type,
            address=lease(state, Range.NODEBALANCERS, cluster_id=cluster_id),
            client_conn_throttle=request.client_conn_throttle or 0,
            client_udp_sess_throttle=request.client_udp_sess_throttle or 0,
            tags=tags,
            created=now,
            updated=now,
        )
        state.put(balancer)
        emit(state, "nodebalancer_create", balancer, now=now)
        for config in request.configs:
            open_port(state, balancer.id, config)
        if request.firewall_id is not None:
            _assign_firewall(state, balancer, request.firewall_id, now=now)
        shown = show_balancer(balancer, state)
    call.reconciler.balancing.poke()
    return shown.body()


def _assign_firewall(state: Transaction, balancer: NodeBalancerRecord, firewall_id: int, *, now: str) -> None:
    firewall = state.get(FirewallRecord, firewall_id)
    if firewall is None:
        raise invalid_all([not_valid("firewall_id")])
    assign(state, firewall, balancer, now=now)


async def update_balancer(call: Call) -> Mapping[str, Any]:
    """PUT /nodebalancers/{id}."""
    request = call.body(BalancerUpdate)
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        balancer = balancer_at(call, state)
        given = {name: value for name, value in request.model_dump().items() if value is not None}
        if request.tags is not None:
            given["tags"] = tuple(request.tags)
        changed = balancer.model_copy(update={**given, "updated": now})
        state.put(changed)
        emit(state, "nodebalancer_update", changed, now=now)
        shown = show_balancer(changed, state)
    call.reconciler.balancing.poke()
    return shown.body()


async def delete_balancer(call: Call) -> Mapping[str, Any]:
    """DELETE /nodebalancers/{id}."""
    with call.account.store.transaction() as state:
        remove_balancer(state, balancer_at(call, state), now=call.account.timestamp())
    call.reconciler.balancing.poke()
    return {}


_BALANCERS = "/nodebalancers"
_BALANCER = _BALANCERS + "/{nodebalancer_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _BALANCERS, listing(NodeBalancerRecord, show_balancer, FILTERABLE), READ, Bucket.LISTS),
    Operation("POST", _BALANCERS, create_balancer, WRITE),
    Operation("GET", _BALANCER, viewing(NodeBalancerRecord, "nodebalancer_id", show_balancer), READ),
    Operation("PUT", _BALANCER, update_balancer, WRITE),
    Operation("DELETE", _BALANCER, delete_balancer, WRITE),
)
