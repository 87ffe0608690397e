"""What answers requests about one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.linode.account import Account
    from sandbox.linode.limits import RateLimiter
    from sandbox.linode.reconciler import Reconciler


@dataclass(frozen=True, kw_only=True)
class Services:
    """What answers requests about one account."""

    account: Account
    reconciler: Reconciler
    limiter: RateLimiter
    answer_seconds: float = 0
    """How long every answer takes at least."""
