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
    StorageKeyRecord,
    TokenRecord,
    VolumeRecord,
)

if TYPE_CHECKING:
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
    match subject:
        case ClusterRecord(id=number, label=label):
            return Entity(id=number, type="lkecluster", label=label, url=f"/v4/lke/clusters/{number}")
        case PoolRecord(id=number, cluster_id=cluster):
            url = f"/v4/lke/clusters/{cluster}/pools/{number}"
            return Entity(id=number, type="lkepool", label=f"pool-{number}", url=url)
        case NodeRecord(id=number, label=label):
            return Entity(id=number, type="linode", label=label, url=f"/v4/linode/instances/{number}")
        case NodeBalancerRecord(id=number, label=label):
            return Entity(id=number, type="nodebalancer", label=label, url=f"/v4/nodebalancers/{number}")
        case BalancerConfigRecord(id=number, nodebalancer_id=balancer):
            url = f"/v4/nodebalancers/{balancer}/configs/{number}"
            return Entity(id=number, type="nodebalancer_config", label=f"config-{number}", url=url)
        case FirewallRecord(id=number, label=label):
            return Entity(id=number, type="firewall", label=label, url=f"/v4/networking/firewalls/{number}")
        case VolumeRecord(id=number, label=label):
            return Entity(id=number, type="volume", label=label, url=f"/v4/volumes/{number}")
        case StorageKeyRecord(id=number, label=label):
            return Entity(id=number, type="obj_access_key", label=label, url=f"/v4/object-storage/keys/{number}")
        case TokenRecord(id=number, label=label):
            return Entity(id=number, type="token", label=label, url=f"/v4/profile/tokens/{number}")
