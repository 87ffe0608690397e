"""What handlers work with: the catalogue, the state and the clock of one emulated account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.linode.catalogue import Catalogue
    from sandbox.linode.limits import RateLimiter
    from sandbox.linode.state import Store


def utc_now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Services:
    """One emulated account."""

    catalogue: Catalogue
    store: Store
    limiter: RateLimiter
    clock: Callable[[], datetime] = utc_now

    def timestamp(self) -> str:
        """Now, as the API writes times: ISO 8601 in UTC, to the second, with no zone."""
        return self.clock().strftime("%Y-%m-%dT%H:%M:%S")
