"""Claims about what has to be acknowledged, and about the cost, which needs what is not in the resources."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from plan.prices import PriceError, PriceList
from plan.steps import LKE_CLUSTER
from policies.guardrails.export import StateError
from policies.guardrails.model import Resource, Stack
from policies.guardrails.rules.changes import REPLACING, ROOT, losses_are_acknowledged
from policies.guardrails.rules.cost import cost_is_within_the_limit
from sandbox.plugins.linode.schema import LKE_CLUSTER as PROVIDERS_CLUSTER
from tests.policies.guardrails.fleets import stack
from tests.policies.guardrails.resources import planned, resource

ROOT_RESOURCE = Resource(urn="urn:pulumi:prod::fleet::pulumi:pulumi:Stack::fleet-prod", type=ROOT)


def cluster(name: str = "us", **inputs: Any) -> Resource:
    pools = [{"label": "main", "type": "g6-standard-4", "count": 3}]
    wanted = {"region": "us-east", "k8sVersion": "1.34", "pools": pools, **inputs}
    return resource(LKE_CLUSTER, f"{name}-cluster", wanted, provider="")


def told(new: Resource, **of: Any) -> list[str]:
    return [str(finding) for finding in losses_are_acknowledged(new, stack(**of))]


NEW_TYPE = [{"label": "main", "type": "g6-standard-8", "count": 3}]
NEW_FIRST = [
    {"label": "batch", "type": "g6-standard-4", "count": 3},
    {"label": "main", "type": "g6-standard-4", "count": 3},
]
NO_POOL = [{"label": "other", "type": "g6-standard-8", "count": 3}]


@pytest.mark.parametrize(
    ("change", "words", "what"),
    [
        ({"k8sVersion": "1.35"}, "recycle us", "Linode recycles every node of us: Kubernetes 1.34 to 1.35"),
        ({"pools": NEW_TYPE}, "recycle us", "type g6-standard-4 to g6-standard-8"),
        ({"pools": NO_POOL}, "recycle us", "all 3 nodes go"),
        ({"pools": NEW_FIRST}, "recycle us", "pool main becomes pool batch"),
        ({"region": "us-west"}, "replace us", "cluster us is replaced (region)"),
        ({"tier": "enterprise"}, "replace us", "cluster us is replaced (tier)"),
    ],
)
def test_a_loss_is_refused_until_the_config_names_it(change: dict[str, Any], words: str, what: str) -> None:
    (message,) = told(cluster(**change), deployed=[cluster()])
    assert what in message
    assert f'list "{words}" in fleet:acknowledged' in message
    assert told(cluster(**change), deployed=[cluster()], acknowledged=[words]) == []
    other = [words.replace("us", "eu")]
    assert len(told(cluster(**change), deployed=[cluster()], acknowledged=other)) == 1, "another cluster's word"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"tags": ["owner:web"]},
        {"pools": [{"label": "main", "type": "g6-standard-4", "count": 9}]},
        {"pools": [{"label": "main", "type": "g6-standard-4", "count": 2}]},
        {"controlPlane": {"highAvailability": True}},
    ],
)
def test_what_loses_no_pool_and_no_cluster_needs_no_word(change: dict[str, Any]) -> None:
    assert told(cluster(**change), deployed=[cluster()]) == []


def test_what_replaces_a_cluster_is_what_the_provider_says() -> None:
    forced = {key for key, property_ in PROVIDERS_CLUSTER.items() if property_.force_new}
    assert set(REPLACING) == forced


def test_a_new_cluster_loses_nothing() -> None:
    assert told(cluster("jp"), deployed=[cluster()], clusters=("us", "jp")) == []


def test_a_cluster_that_goes_is_told_before_anything_is_done() -> None:
    (message,) = told(ROOT_RESOURCE, deployed=[cluster("us"), cluster("jp")], clusters=("us",))
    assert "cluster jp is deleted, with its nodes, volumes and addresses" in message
    assert 'list "delete jp" in fleet:acknowledged' in message
    gone = {"deployed": [cluster("us"), cluster("jp")], "clusters": ("us",), "acknowledged": ["delete jp"]}
    assert told(ROOT_RESOURCE, **gone) == []


def test_a_renamed_cluster_is_one_that_goes() -> None:
    assert len(told(ROOT_RESOURCE, deployed=[cluster("us")], clusters=("usa",))) == 1


def _unreadable() -> NoReturn:
    raise StateError("no passport")


def test_state_that_cannot_be_read_is_told_once() -> None:
    blind = Stack(
        guardrails=stack().guardrails, clusters=frozenset({"us"}), deployed=_unreadable, prices=stack().prices
    )
    (finding,) = losses_are_acknowledged(ROOT_RESOURCE, blind)
    assert finding.what.endswith("no passport")
    assert list(losses_are_acknowledged(cluster(region="us-west"), blind)) == []


def costs(of: Stack, *resources: Resource) -> list[str]:
    return [str(finding) for finding in cost_is_within_the_limit(planned(*resources), of)]


def test_an_autoscaler_costs_its_maximum() -> None:
    pools = [{"label": "main", "type": "g6-standard-4", "count": 3, "autoscaler": {"min": 3, "max": 10}}]
    limited = stack(guardrails={"monthlyLimit": 300})
    assert costs(limited, cluster()) == []
    assert costs(limited, cluster(pools=pools)) == [
        "stack: it may cost $480.00 a month, and $300.00 is the limit (us $480.00). "
        "Raise fleet:guardrails.monthlyLimit, or lower fleet:clusters.NAME.pools."
    ]


def test_a_type_without_a_price_is_no_free_lunch() -> None:
    unknown = [{"label": "main", "type": "g9-unheard-of", "count": 1}]
    (message,) = costs(stack(guardrails={"monthlyLimit": 300}), cluster(pools=unknown))
    assert "Linode's list has no price of g9-unheard-of" in message


def _no_prices() -> PriceList:
    raise PriceError("the Linode API does not answer")


def test_prices_that_cannot_be_had_are_a_refusal_with_the_reason() -> None:
    limited = stack(guardrails={"monthlyLimit": 300})
    blind = Stack(
        guardrails=limited.guardrails, clusters=limited.clusters, deployed=limited.deployed, prices=_no_prices
    )
    (message,) = costs(blind, cluster())
    assert "what it costs cannot be told: the Linode API does not answer" in message
    assert "fleet:guardrails.levels.monthly-cost" in message


def test_a_development_stack_needs_no_limit() -> None:
    assert costs(stack(guardrails={"profile": "development"}), cluster()) == []
