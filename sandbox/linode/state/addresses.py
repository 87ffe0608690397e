"""Who has which address: documentation ranges (RFC 5737) stand for Linode's public ones.

The first nine addresses of each range are left to the sandbox's own network. An address that a cluster gives up stays
taken until the backend has let go of it, so that no two machines ever share one.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from sandbox.linode.errors import invalid
from sandbox.linode.state.records import LeaseRecord

if TYPE_CHECKING:
    from sandbox.linode.state.store import Transaction

_RESERVED = 9


class Range(Enum):
    """A range and what lives in it."""

    API_SERVERS = IPv4Network("192.0.2.0/24")
    NODES = IPv4Network("198.51.100.0/24")
    NODEBALANCERS = IPv4Network("203.0.113.0/24")


def lease(state: Transaction, addresses: Range, *, cluster_id: int | None) -> str:
    """Take the lowest free address of a range.

    Args:
        state: where it is kept.
        addresses: the range.
        cluster_id: the cluster that has it, if it is a cluster's.

    Raises:
        ApiError: 400 in the API's words for a spent quota: the range has no free address.

    """
    taken = {known.address for known in state.all(LeaseRecord)}
    for host in list(addresses.value.hosts())[_RESERVED:]:
        if str(host) not in taken:
            state.put(LeaseRecord(id=state.next_id(LeaseRecord), address=str(host), cluster_id=cluster_id))
            return str(host)
    raise invalid("Account Limit reached. Please open a support ticket.")


def release(state: Transaction, address: str) -> None:
    """Give up an address that the backend may still use: it stays taken until `reclaim`."""
    for known in state.all(LeaseRecord):
        if known.address == address:
            state.put(known.model_copy(update={"released": True}))


def released(state: Transaction, cluster_id: int) -> list[LeaseRecord]:
    """The addresses that a cluster gave up and that are still taken."""
    return [known for known in state.all(LeaseRecord) if known.cluster_id == cluster_id and known.released]


def reclaim(state: Transaction, leases: list[LeaseRecord]) -> None:
    """Make addresses free for others."""
    for known in leases:
        state.delete(known)


def reclaim_address(state: Transaction, address: str) -> None:
    """Make one address free for others, at once."""
    reclaim(state, [known for known in state.all(LeaseRecord) if known.address == address])
