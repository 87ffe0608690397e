"""The report on one change: all that the other modules found, and whether it may go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from plan import cost, dangers, inventory, steps
from review import behind, changes

if TYPE_CHECKING:
    from plan.cost import Amount, Bill
    from plan.dangers import Danger
    from plan.events import Finding, Plan
    from plan.prices import PriceList
    from review.changes import Group

ACKNOWLEDGED: Final = "fleet:acknowledged"
BLOCKING_LEVELS: Final = frozenset({"mandatory"})


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The bill of what is deployed and of what the change leads to."""

    before: Bill
    after: Bill

    @property
    def clusters(self) -> tuple[str, ...]:
        """Clusters of either bill."""
        return tuple(dict.fromkeys([*self.before.clusters, *self.after.clusters]))

    @property
    def difference(self) -> Amount:
        """What the change adds to the bill a month; below zero it saves."""
        return self.after.total - self.before.total

    def difference_of(self, cluster: str) -> Amount:
        """The same for one cluster."""
        return self.after.of_cluster(cluster) - self.before.of_cluster(cluster)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a reviewer gets to see."""

    stack: str
    is_first: bool
    """Whether nothing is deployed yet."""
    counts: dict[str, int]
    """How many resources are created, updated, replaced, deleted and left as they are."""
    dangers: tuple[Danger, ...]
    open: tuple[Danger, ...]
    """The dangers that the config would have to acknowledge, and does not."""
    stale: tuple[str, ...]
    """Acknowledgements that nothing needs."""
    behind: tuple[str, ...]
    """The clusters that run an older Kubernetes than new ones get."""
    groups: tuple[Group, ...]
    findings: tuple[Finding, ...]
    packs: tuple[str, ...]
    """The policy packs that ran."""
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    """What the program warns of: nodes that a pool has and loses among it, which no state knows."""
    failed: bool
    cost: Cost | None
    no_cost: str = ""
    """Why there is no cost, in a sentence."""

    @property
    def blockers(self) -> tuple[str, ...]:
        """Why this change may not be merged; none if it may."""
        mandatory = [finding for finding in self.findings if finding.level in BLOCKING_LEVELS]
        reasons = [
            # A mandatory finding fails the preview too, and is told below.
            (bool(self.errors) or (self.failed and not mandatory), "the preview failed"),
            (bool(self.open), f"{_count(len(self.open), 'danger')} not acknowledged in {ACKNOWLEDGED}"),
            (bool(mandatory), f"{_count(len(mandatory), 'mandatory guardrail finding')}"),
        ]
        return tuple(reason for holds, reason in reasons if holds)


def build(plan: Plan, prices: PriceList | None, *, no_prices: str = "") -> Report:
    """The report on a plan; without prices it says why there is no cost (`no_prices`)."""
    acknowledged = plan.setting(ACKNOWLEDGED) or []
    found = dangers.dangers(plan.steps)
    deployed, planned = steps.before(plan.steps), steps.after(plan.steps)
    bills = None
    if prices is not None:
        bills = Cost(
            before=cost.bill(inventory.inventory(deployed), prices),
            after=cost.bill(inventory.inventory(planned), prices),
        )
    return Report(
        stack=plan.stack,
        is_first=not any(resource.custom for resource in deployed),
        counts=_counts(plan),
        dangers=tuple(found),
        open=tuple(dangers.unacknowledged(found, acknowledged)),
        stale=tuple(dangers.stale(found, acknowledged)),
        behind=tuple(behind.behind(planned, plan.setting("fleet:versions"))),
        groups=tuple(changes.groups(plan.steps)),
        findings=tuple(
            sorted(set(plan.findings), key=lambda one: (one.level not in BLOCKING_LEVELS, one.policy, one.urn))
        ),
        packs=tuple(f"{name} {version}" for name, version in sorted(plan.packs.items())),
        errors=plan.errors,
        warnings=plan.warnings,
        failed=plan.failed,
        cost=bills,
        no_cost=no_prices,
    )


def _counts(plan: Plan) -> dict[str, int]:
    """By operation, as the engine counts; what it does not change is one number."""
    counted = {op: plan.counts.get(op, 0) for op in (*changes.OPERATIONS, "import")}
    counted["same"] = sum(count for op, count in plan.counts.items() if op in steps.UNCHANGED)
    return {op: count for op, count in counted.items() if count}


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
