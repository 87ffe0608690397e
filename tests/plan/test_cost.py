"""What is billed, at which price, and what a change adds or takes away."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan.cost import Amount, Bill, bill
from plan.inventory import Item, Kind, gigabytes, inventory
from plan.prices import PriceError, PriceList, Rate, fetch
from plan.steps import SERVICE, VOLUME, VOLUME_CLAIM
from sandbox.linode import LinodeApi
from tests.plan.plans import POOL, cluster, release, resource

if TYPE_CHECKING:
    from plan.steps import Resource

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
PRICES = PriceList(
    rates={
        "g6-standard-4": Rate(monthly=Decimal(48), regions={"br-gru": Decimal("67.2")}),
        "lke-sa": Rate(monthly=Decimal(0)),
        "lke-ha": Rate(monthly=Decimal(60)),
        "nodebalancer": Rate(monthly=Decimal(10)),
        "volume": Rate(monthly=Decimal("0.1"), regions={"br-gru": Decimal("0.14")}),
    }
)
KARMADA_VALUES = {
    "installMode": "host",
    "etcd": {"internal": {"storageType": "pvc", "replicaCount": 3, "pvc": {"size": "20Gi"}}},
}


def cost(*resources: Resource) -> Bill:
    return bill(inventory(resources), PRICES)


def test_nodes_cost_their_count_times_the_price_of_their_region() -> None:
    assert cost(cluster("us")).total == Amount(expected=Decimal(144), low=Decimal(144), high=Decimal(144))
    assert cost(cluster("br", region="br-gru")).total.expected == Decimal("201.6")


def test_an_autoscaler_gives_a_range_around_what_runs() -> None:
    total = cost(cluster("us", POOL | {"autoscaler": {"min": 3, "max": 10}})).total
    assert total == Amount(low=Decimal(144), expected=Decimal(144), high=Decimal(480))
    assert total.is_range


def test_a_place_that_the_provider_left_empty_costs_nothing() -> None:
    found = cost(cluster("us", POOL, {"id": 0, "type": "", "count": 0}))
    assert found.total.expected == 144
    assert not found.unpriced


def test_a_highly_available_control_plane_costs_extra() -> None:
    found = cost(cluster("us", controlPlane={"highAvailability": True}))
    assert found.of("us", Kind.CONTROL_PLANE).expected == 60
    assert cost(cluster("us")).of("us", Kind.CONTROL_PLANE).expected == 0


@pytest.mark.parametrize(
    ("values", "balancers"),
    [({}, 1), ({"service": {"type": "ClusterIP"}}, 0), ({"service": {"type": "LoadBalancer"}}, 1)],
    ids=["by default", "inside the cluster", "by value"],
)
def test_a_gateway_costs_a_nodebalancer_unless_its_service_is_another(values: dict[str, Any], balancers: int) -> None:
    found = cost(cluster("us"), release("us-ingress-release", "/charts/istio/gateway", values))
    assert found.of("us", Kind.LOAD_BALANCERS).expected == 10 * balancers


def test_a_service_costs_a_nodebalancer_by_its_type() -> None:
    public = resource(SERVICE, "endpoint", {"spec": {"type": "LoadBalancer"}})
    inner = resource(SERVICE, "inner", {"spec": {"type": "ClusterIP"}})
    assert cost(cluster("us"), public, inner).of("us", Kind.LOAD_BALANCERS).expected == 10


def test_karmadas_etcd_costs_a_volume_for_each_replica() -> None:
    manager, host = cluster("manager"), release("karmada-release", "karmada", KARMADA_VALUES, cluster="manager")
    assert cost(manager, host).of("manager", Kind.VOLUMES).expected == 6
    agent = release("us-agent", "karmada", {"installMode": "agent"}, cluster="manager")
    assert cost(manager, agent).of("manager", Kind.VOLUMES).expected == 0


def test_a_claim_costs_what_the_volume_that_it_gets_costs() -> None:
    claim = {"spec": {"resources": {"requests": {"storage": "25Gi"}}}}
    found = cost(cluster("br", region="br-gru"), resource(VOLUME_CLAIM, "data", claim, cluster="br"))
    assert found.of("br", Kind.VOLUMES).expected == Decimal("3.5")


def test_a_volume_of_its_own_is_billed_in_its_region() -> None:
    volume = resource(VOLUME, "backup", {"size": 30, "region": "br-gru"}, provider="")
    assert cost(volume).total.expected == Decimal("4.2")


@pytest.mark.parametrize(
    ("size", "billed"),
    [
        ("1Gi", 10),
        ("10Gi", 10),
        ("10240Mi", 10),
        ("10241Mi", 11),
        ("2Ti", 2048),
        ("20G", 19),
        ("21474836480", 20),
        (None, 10),
    ],
)
def test_volumes_come_in_whole_gigabytes_and_no_fewer_than_ten(size: str | None, billed: int) -> None:
    assert gigabytes(size) == billed


def test_what_lives_in_karmadas_api_is_no_clusters_cost() -> None:
    propagated = resource(SERVICE, "hello", {"spec": {"type": "LoadBalancer"}}, cluster="karmada")
    assert cost(cluster("us"), propagated).of("us", Kind.LOAD_BALANCERS).expected == 0


def test_what_has_no_price_is_named_and_not_taken_for_free() -> None:
    found = cost(cluster("us", POOL | {"type": "g9-new-1"}))
    assert [item.rate for item in found.unpriced] == ["g9-new-1"]


def test_secret_values_are_no_reason_to_fail() -> None:
    hidden = release("us-ingress", "gateway", SECRET)
    assert cost(cluster("us"), hidden).of("us", Kind.LOAD_BALANCERS).expected == 10


counts = st.integers(0, 100)


@settings(deadline=None)
@given(before=st.lists(counts, max_size=5), after=st.lists(counts, max_size=5))
def test_a_difference_is_what_leads_from_one_bill_to_the_other(before: list[int], after: list[int]) -> None:
    def total(pools: list[int]) -> Amount:
        items = [
            Item(cluster="us", region="us-east", kind=Kind.NODES, rate="g6-standard-4", label=str(place), **size)
            for place, count in enumerate(pools)
            for size in [{"count": count, "low": count // 2, "high": count * 2}]
        ]
        return bill(items, PRICES).total

    assert total(before) + (total(after) - total(before)) == total(after)
    assert total(after).low <= total(after).expected <= total(after).high


def test_prices_come_from_the_api_with_those_of_the_regions() -> None:
    with LinodeApi() as api:
        prices = fetch(api.url, api.token)
    assert prices.rates["g6-standard-2"].in_region("eu-west") == 24
    assert prices.rates["g6-standard-2"].in_region("br-gru") == Decimal("33.6")
    assert prices.rates["lke-ha"].in_region("id-cgk") == 72
    assert prices.rates["nodebalancer"].in_region("us-east") == 10
    assert prices.rates["volume"].in_region("br-gru") == Decimal("0.14")
    assert prices.rates["g6-standard-2"].hourly_in_region("eu-west") == Decimal("0.036")
    assert prices.rates["nodebalancer"].hourly_in_region("br-gru") == Decimal("0.021")


def test_every_rate_that_a_fleet_needs_is_in_the_apis_lists() -> None:
    balancer = release("us-ingress", "gateway", {})
    host = release("karmada-release", "karmada", KARMADA_VALUES)
    fleet = [cluster("us", controlPlane={"highAvailability": True}), cluster("eu"), balancer, host]
    with LinodeApi() as api:
        prices = fetch(api.url, api.token)
    assert bill(inventory(fleet), prices).unpriced == ()


def test_prices_that_cannot_be_had_are_an_error_that_says_why() -> None:
    with pytest.raises(PriceError, match="LINODE_TOKEN"):
        fetch("http://127.0.0.1:1", "")
    with LinodeApi() as api, pytest.raises(PriceError, match="refuses") as refused:
        fetch(api.url, "a-wrong-token")
    assert "a-wrong-token" not in str(refused.value)
    with pytest.raises(PriceError, match="does not answer"):
        fetch("http://127.0.0.1:1", "token")
