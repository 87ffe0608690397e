"""Who has which address: documentation ranges (RFC 5737) stand for Linode's public ones.

The first nine addresses of each range are left to the sandbox's own network. An address that a cluster gives up stays
taken until the backend has let go of it, so that no two machines ever share one; and then it comes last, since whoever
makes a machine anew has to expect another address, at Linode too.
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
    """Take the lowest address of a range that nobody has had yet, or else the one that has been free for longest.

    Args:
        state: where it is kept.
        addresses: the range.
        cluster_id: the cluster that has it, if it is a cluster's.

    Raises:
        ApiError: 400 in the API's words for a spent quota: the range has no free address.

    """
    had = {known.address: known for known in state.all(LeaseRecord)}
    hosts = [str(host) for host in addresses.value.hosts()][_RESERVED:]
    free = [known for known in had.values() if known.free and known.address in hosts]
    address = next((host for host in hosts if host not in had), free[0].address if free else None)
    if address is None:
        raise invalid("Account Limit reached. Please open a support ticket.")
    if address in had:
        state.delete(had[address])
    state.put(LeaseRecord(id=state.next_id(LeaseRecord), address=address, cluster_id=cluster_id))
    return address


def release(state: Transaction, address: str) -> None:
    """Give up an address that the backend may still use: it stays taken until `reclaim`."""
    for known in state.all(LeaseRecord):
        if known.address == address and not known.free:
            state.put(known.model_copy(update={"released": True}))


def released(state: Transaction, cluster_id: int) -> list[LeaseRecord]:
    """The addresses that a cluster gave up and that are still taken."""
    return [known for known in state.all(LeaseRecord) if known.cluster_id == cluster_id and known.released]


def reclaim(state: Transaction, leases: list[LeaseRecord]) -> None:
    """Make addresses free for others."""
    for known in leases:
        state.delete(known)
        state.put(LeaseRecord(id=state.next_id(LeaseRecord), address=known.address, cluster_id=None, free=True))


def reclaim_address(state: Transaction, address: str) -> None:
    """Make one address free for others, at once."""
    reclaim(state, [known for known in state.all(LeaseRecord) if known.address == address])
