"""Rate limits: how many requests a token, or an address without one, may send in a window of time.

Linode's figures: 200 a minute for lists, 1600 a minute for the rest, 100 volumes a minute
(https://techdocs.akamai.com/linode-api/reference/rate-limits). Every answer carries X-RateLimit-Limit, -Remaining and
-Reset (seconds since the epoch), and Retry-After (seconds), as the live API's do.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Bucket(Enum):
    """What is counted together."""

    LISTS = "lists"
    OTHERS = "others"
    VOLUMES = "volumes"


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """Requests allowed in one window."""

    per_window: Mapping[Bucket, int] = field(
        default_factory=lambda: {Bucket.LISTS: 200, Bucket.OTHERS: 1600, Bucket.VOLUMES: 100}
    )
    window: float = 60.0
    """Length in seconds."""


PUBLISHED = RateLimits()
"""Linode's own figures."""

UNLIMITED = RateLimits(per_window=dict.fromkeys(Bucket, 1000000000))
"""For clients on the same machine that would be throttled only by each other."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One request, counted."""

    allowed: bool
    headers: Mapping[str, str]


class RateLimiter:
    """Counts requests in fixed windows, one for each client and bucket; `own` has the limits of some clients."""

    def __init__(
        self,
        limits: RateLimits,
        *,
        own: Mapping[str, RateLimits] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limits = limits
        self._own = dict(own or {})
        self._clock = clock
        self._windows: dict[tuple[str, Bucket], tuple[int, int]] = {}

    def count(self, client: str, bucket: Bucket) -> Verdict:
        """Count one request of a client (a token's digest or an address)."""
        now = self._clock()
        limits = self._own.get(client, self._limits)
        window = math.floor(now / limits.window)
        started, used = self._windows.get((client, bucket), (window, 0))
        used = used + 1 if started == window else 1
        self._windows[client, bucket] = (window, used)
        limit = limits.per_window[bucket]
        reset = (window + 1) * limits.window
        return Verdict(
            allowed=used <= limit,
            headers={
                "X-RateLimit-Limit": str(limit),
                "X-RateLimit-Remaining": str(max(0, limit - used)),
                "X-RateLimit-Reset": str(math.ceil(reset)),
                "Retry-After": str(max(1, math.ceil(reset - now))),
            },
        )
