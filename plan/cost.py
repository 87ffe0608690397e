"""From what is billed and what it costs to a bill, and to the difference between two. Arithmetic alone.

All money is US dollars a month. An amount is a range where an autoscaler decides: what the nodes of today cost, the
least, and the most.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plan.inventory import Item, Kind
    from plan.prices import PriceList

_NOTHING = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Dollars a month: expected with the pools as they are, and the bounds that autoscalers keep to."""

    expected: Decimal = _NOTHING
    low: Decimal = _NOTHING
    high: Decimal = _NOTHING

    def __add__(self, other: Self) -> Amount:
        return Amount(expected=self.expected + other.expected, low=self.low + other.low, high=self.high + other.high)

    def __sub__(self, other: Self) -> Amount:
        """The difference at each bound: what is expected, the least and the most change by so much."""
        return Amount(expected=self.expected - other.expected, low=self.low - other.low, high=self.high - other.high)

    @property
    def is_range(self) -> bool:
        """Whether an autoscaler has a say."""
        return self.low != self.high


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a set of resources costs."""

    lines: Mapping[tuple[str, Kind], Amount]
    """By cluster and kind."""
    unpriced: tuple[Item, ...] = ()
    """What the price list does not know; the total is without it."""

    @property
    def total(self) -> Amount:
        """All of it."""
        return sum(self.lines.values(), Amount())

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that cost something, in the order in which they were billed."""
        return tuple(dict.fromkeys(cluster for cluster, _ in self.lines))

    def of_cluster(self, cluster: str) -> Amount:
        """What one cluster costs."""
        return sum((amount for (name, _), amount in self.lines.items() if name == cluster), Amount())

    def of(self, cluster: str, kind: Kind) -> Amount:
        """What one kind of thing costs in one cluster."""
        return self.lines.get((cluster, kind), Amount())


def bill(items: Iterable[Item], prices: PriceList) -> Bill:
    """What these cost a month."""
    lines: dict[tuple[str, Kind], Amount] = defaultdict(Amount)
    unpriced = []
    for item in items:
        rate = prices.rates.get(item.rate)
        if rate is None:
            unpriced.append(item)
            continue
        each = rate.in_region(item.region)
        lines[item.cluster, item.kind] += Amount(expected=each * item.count, low=each * item.low, high=each * item.high)
    return Bill(lines=dict(lines), unpriced=tuple(unpriced))
