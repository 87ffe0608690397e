"""What a check costs an hour, by the plan's things and the prices of their regions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from operations.account.estimate import estimate
from operations.errors import OperationError
from plan.events import Plan
from plan.prices import PriceList, Rate
from plan.steps import LKE_CLUSTER, Resource, Step

PRICES = PriceList(
    rates={
        "g6-standard-2": Rate(monthly=Decimal(24), hourly=Decimal("0.036"), hourly_regions={"br-gru": Decimal("0.05")}),
        "lke-sa": Rate(monthly=Decimal(0), hourly=Decimal(0)),
        "lke-ha": Rate(monthly=Decimal(60)),
    }
)


def plan(region: str, pool: dict[str, object], **fields: object) -> Plan:
    urn = f"urn:pulumi:check::fleet::{LKE_CLUSTER}::eu-cluster"
    cluster = Resource(urn=urn, type=LKE_CLUSTER, inputs={"region": region, "pools": [pool], **fields})
    return Plan(stack="check", steps=(Step(op="create", urn=urn, type=LKE_CLUSTER, new=cluster),))


@pytest.mark.parametrize(
    ("region", "pool", "hourly"),
    [
        ("eu-west", {"type": "g6-standard-2", "count": 2}, "0.072"),
        ("br-gru", {"type": "g6-standard-2", "count": 2}, "0.10"),
        ("eu-west", {"type": "g6-standard-2", "count": 1, "autoscaler": {"min": 1, "max": 3}}, "0.108"),
    ],
    ids=["everywhere", "a dearer region", "as many as an autoscaler may make"],
)
def test_an_hour_costs_what_the_nodes_cost_where_they_are(region: str, pool: dict[str, object], hourly: str) -> None:
    assert estimate(plan(region, pool), PRICES).hourly == Decimal(hourly)


def test_what_costs_nothing_is_not_told() -> None:
    found = estimate(plan("eu-west", {"type": "g6-standard-2", "count": 1}), PRICES)
    assert str(found) == "0.036 USD an hour (1 g6-standard-2)"


@pytest.mark.parametrize(("minutes", "hours"), [(1, 1), (60, 1), (60.5, 2), (90, 2)])
def test_an_hour_that_has_begun_is_billed_whole_and_cents_are_rounded_up(minutes: float, hours: int) -> None:
    found = estimate(plan("eu-west", {"type": "g6-standard-2", "count": 1}), PRICES)
    assert found.at_most(minutes) == {1: Decimal("0.04"), 2: Decimal("0.08")}[hours]


def test_what_has_no_price_by_the_hour_is_refused_since_no_limit_could_be_kept() -> None:
    dear = plan("eu-west", {"type": "g9-new", "count": 1}, controlPlane={"highAvailability": True})
    with pytest.raises(OperationError, match="Linode lists no price of g9-new, lke-ha"):
        estimate(dear, PRICES)
