"""The account's events, newest last; only the latest are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.linode.state.records import (
    BalancerConfigRecord,
    ClusterRecord,
    Entity,
    EventRecord,
    FirewallRecord,
    NodeBalancerRecord,
    NodeRecord,
    PoolRecord,
    Record,
    StorageKeyRecord,
    TokenRecord,
    VolumeRecord,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.state.store import Transaction

_KEPT = 1000
_FIRST_ID = 600_000_000

Subject = (
    ClusterRecord
    | PoolRecord
    | NodeRecord
    | NodeBalancerRecord
    | BalancerConfigRecord
    | FirewallRecord
    | VolumeRecord
    | StorageKeyRecord
    | TokenRecord
)

_KINDS: Mapping[type[Record], tuple[str, str]] = {
    ClusterRecord: ("lkecluster", "lke/clusters"),
    NodeRecord: ("linode", "linode/instances"),
    NodeBalancerRecord: ("nodebalancer", "nodebalancers"),
    FirewallRecord: ("firewall", "networking/firewalls"),
    VolumeRecord: ("volume", "volumes"),
    StorageKeyRecord: ("obj_access_key", "object-storage/keys"),
    TokenRecord: ("token", "profile/tokens"),
}
"""The API's word for a resource, and where it is."""


def emit(state: Transaction, action: str, subject: Subject, *, now: str, with_: Subject | None = None) -> None:
    """Note that something happened.

    Args:
        state: where it is kept.
        action: Linode's name of it, "lke_cluster_create".
        subject: what it happened to.
        now: when, as the API writes times.
        with_: what else had a part in it.

    """
    event_id = state.next_id(EventRecord, first=_FIRST_ID)
    secondary = None if with_ is None else entity_of(with_)
    state.put(EventRecord(id=event_id, action=action, created=now, entity=entity_of(subject), secondary=secondary))
    forgotten = state.get(EventRecord, event_id - _KEPT)
    if forgotten is not None:
        state.delete(forgotten)


def entity_of(subject: Subject) -> Entity:
    """How events name a resource."""
    number = subject.id
    match subject:
        case PoolRecord(cluster_id=cluster):
            return _entity(number, "lkepool", f"pool-{number}", f"lke/clusters/{cluster}/pools")
        case BalancerConfigRecord(nodebalancer_id=balancer):
            return _entity(number, "nodebalancer_config", f"config-{number}", f"nodebalancers/{balancer}/configs")
        case _:
            kind, path = _KINDS[type(subject)]
            return _entity(number, kind, subject.label, path)


def _entity(number: int, kind: str, label: str, path: str) -> Entity:
    return Entity(id=number, type=kind, label=label, url=f"/v4/{path}/{number}")
