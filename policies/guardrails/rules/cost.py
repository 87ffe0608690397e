"""The rule on money: what the stack may cost at most."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from fleet.config.enforcement import Profile
from plan.cost import bill
from plan.inventory import inventory
from plan.prices import PriceError
from policies.guardrails.model import Finding, Planned, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plan.cost import Bill


def cost_is_within_the_limit(planned: Sequence[Planned], stack: Stack) -> Iterator[Finding]:
    """With every autoscaler at its maximum, the month costs no more than the stack's limit."""
    limit = stack.guardrails.monthly_limit
    if limit is None:
        if stack.guardrails.profile is Profile.PRODUCTION:
            yield _finding("nothing limits what it may cost a month", "Set fleet:guardrails.monthlyLimit in US dollars")
        return
    try:
        prices = stack.prices()
    except PriceError as error:
        yield _finding(
            f"what it costs cannot be told: {error}",
            "Mend that, or set fleet:guardrails.levels.monthly-cost to advisory for once",
        )
        return
    costs = bill(inventory([one.resource for one in planned]), prices)
    if costs.total.high > limit:
        yield _finding(
            f"it may cost {_dollars(costs.total.high)} a month, and {_dollars(Decimal(limit))} is the limit "
            f"({_by_cluster(costs)})",
            "Raise fleet:guardrails.monthlyLimit, or lower fleet:clusters.NAME.pools",
        )
    if costs.unpriced:
        names = ", ".join(sorted({item.rate for item in costs.unpriced}))
        yield _finding(
            f"Linode's list has no price of {names}", "Take a type that it has for fleet:clusters.NAME.pools.NAME.type"
        )


def _by_cluster(costs: Bill) -> str:
    return ", ".join(f"{name or 'no cluster'} {_dollars(costs.of_cluster(name).high)}" for name in costs.clusters)


def _dollars(amount: Decimal) -> str:
    return f"${amount:,.2f}"


def _finding(what: str, mend: str) -> Finding:
    return Finding(where="stack", what=what, mend=mend)
