"""What counts as a fair division of replicas."""

from __future__ import annotations

import pytest

from fleet.settings import Failover
from policies.placement import propagation
from sandbox.verify.karmada import is_fair, policy_weights

EQUAL = {"us": 1, "ap": 1, "eu": 1}


@pytest.mark.parametrize(
    "running", [{"us": 4, "ap": 3, "eu": 3}, {"us": 3, "ap": 4, "eu": 3}, {"us": 3, "ap": 3, "eu": 4}]
)
def test_ten_replicas_by_equal_weights_are_fair_in_any_order(running: dict[str, int]) -> None:
    assert is_fair(running, EQUAL, 10)


@pytest.mark.parametrize(
    ("running", "why"),
    [
        ({"us": 5, "ap": 3, "eu": 2}, "no member is a whole pod off its share"),
        ({"us": 3, "ap": 3, "eu": 3}, "all replicas run"),
        ({"us": 4, "ap": 4, "eu": 3}, "no pod too many runs"),
    ],
)
def test_another_division_is_not_fair(running: dict[str, int], why: str) -> None:
    assert not is_fair(running, EQUAL, 10), why


def test_the_articles_weights_give_four_two_four_and_nothing_else() -> None:
    weights = {"us": 2, "ap": 1, "eu": 2}
    assert is_fair({"us": 4, "ap": 2, "eu": 4}, weights, 10)
    assert not is_fair({"us": 4, "ap": 3, "eu": 3}, weights, 10)


def test_a_member_without_a_weight_runs_nothing() -> None:
    assert not is_fair({"us": 2, "ap": 1}, {"us": 1}, 3)


def test_weights_are_read_back_from_the_policy_that_the_program_writes() -> None:
    weights = {"us": 2, "ap": 1, "eu": 2}
    policy = {"spec": propagation("hello", ("eu", "ap", "us"), weights, Failover())}
    assert policy_weights(policy) == weights
