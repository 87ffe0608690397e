"""What a check costs: an hour of everything in its plan, and the hours that Linode bills of it at most."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

from operations.errors import OperationError
from plan.inventory import inventory
from plan.steps import after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plan.events import Plan
    from plan.prices import PriceList

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """US dollars an hour, and what for: how many of each rate that costs something, a GB of a volume being one."""

    hourly: Decimal
    counts: Mapping[str, int]

    def at_most(self, minutes: float) -> Decimal:
        """What is billed of that time, in whole cents: Linode bills hours, and one that has begun whole."""
        return (self.hourly * math.ceil(minutes / 60)).quantize(_CENT, ROUND_CEILING)

    def __str__(self) -> str:
        counted = ", ".join(_counted(rate, count) for rate, count in self.counts.items())
        return f"{self.hourly.normalize():f} USD an hour ({counted})"


def estimate(plan: Plan, prices: PriceList) -> Estimate:
    """What the things in a plan cost an hour, autoscalers at their most.

    Raises:
        OperationError: something has no hourly price, so that no limit could be kept.

    """
    hourly, counts, unpriced = Decimal(0), Counter[str](), []
    for item in inventory(after(plan.steps)):
        rate = prices.rates.get(item.rate)
        each = rate.hourly_in_region(item.region) if rate else None
        if each is None:
            unpriced.append(item.rate)
            continue
        hourly += each * item.high
        counts[item.rate] += item.high if each else 0
    if unpriced:
        raise OperationError(
            what="The check's cost is not known",
            why=f"Linode lists no price of {', '.join(sorted(set(unpriced)))}",
            remedy="Use other node types in the config that --config names",
        )
    return Estimate(hourly=hourly, counts=+counts)


def _counted(rate: str, count: int) -> str:
    return f"{count} GB of volumes" if rate == "volume" else f"{count} {rate}"
