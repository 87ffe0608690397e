"""The seam between the emulated API and whatever carries the traffic of its NodeBalancers.

As with clusters, the API decides *what* should exist, and a `BalancerBackend` makes it so: `reconcile` gets all
NodeBalancers of the account, after every change, and makes reality match. So a NodeBalancer, or a port of one, that
somebody deletes is gone for its clients, whoever made it, and a crash on either side is repaired by the next call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.linode.backend import Firewall


@dataclass(frozen=True, kw_only=True)
class TargetSpec:
    """A backend behind a port."""

    address: str
    """With its port, as in "198.51.100.10:30080"."""
    weight: int
    mode: str
    """accept, reject, drain or backup."""


@dataclass(frozen=True, kw_only=True)
class CheckSpec:
    """How a port's backends are found to answer."""

    kind: str
    """none, connection, http or http_body."""
    interval: int
    """Seconds between two looks."""
    timeout: int
    """Seconds until a look has failed."""
    attempts: int
    """How many looks in a row have to fail."""
    path: str
    body: str
    passive: bool
    """Whether what clients get counts as a look."""


@dataclass(frozen=True, kw_only=True)
class PortSpec:
    """A port that a NodeBalancer opens: a config, as the API calls it."""

    port: int
    protocol: str
    """tcp, udp, http or https."""
    algorithm: str
    stickiness: str
    proxy_protocol: str
    """none, v1 or v2."""
    check: CheckSpec
    targets: tuple[TargetSpec, ...]


@dataclass(frozen=True, kw_only=True)
class BalancerSpec:
    """A NodeBalancer as it should be."""

    id: int
    address: str
    """In 203.0.113.0/24."""
    connections_a_second: int
    """How many new ones a client may open; 0 for any number."""
    ports: tuple[PortSpec, ...]
    firewall: Firewall | None = None
    """Of which the inbound part is for whoever comes to its address."""


class BalancerBackend(Protocol):
    """Carries the traffic of NodeBalancers."""

    async def reconcile(self, balancers: Sequence[BalancerSpec]) -> None:
        """Make these the NodeBalancers that there are. Those that are gone go first: others may have their addresses.

        Raises BackendError if not all of it could be done; what could be done stays.
        """

    async def answering(self, balancer_id: int) -> frozenset[tuple[int, str]] | None:
        """The backends that answer, each by its port of the NodeBalancer and its address; None if nobody looks."""


class NoBalancers:
    """NodeBalancers that exist in the API's records alone."""

    async def reconcile(self, balancers: Sequence[BalancerSpec]) -> None:
        """Nothing to make."""

    async def answering(self, balancer_id: int) -> frozenset[tuple[int, str]] | None:
        """Nobody looks."""
        del balancer_id
        return None
