"""The report on recorded plans of the real engine: what three changes of deployed stacks would do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from docs import reviews
from plan import events, prices
from plan.dangers import Harm
from review import comment, report
from sandbox.linode import LinodeApi
from tests.review.recordings import ADD_A_REGION, CHANGE_WEIGHTS, NAMES, SHRINK_A_POOL, recording
from tests.review.trimming import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plan.prices import PriceList
    from review.report import Report

LARGEST = 200_000
"""Bytes of a recording; more would be a log that nobody trimmed."""


@pytest.fixture(scope="module")
def price_list() -> Iterator[PriceList]:
    with LinodeApi() as api:
        yield prices.fetch(api.url, api.token)


def report_on(name: str, price_list: PriceList) -> Report:
    return report.build(events.read(recording(name)), price_list)


def names_of(found: Report, op: str) -> set[str]:
    return {change.name for group in found.groups if group.op == op for change in group.changes}


def test_a_new_region_takes_nothing_away_and_costs_a_cluster(price_list: PriceList) -> None:
    found = report_on(ADD_A_REGION, price_list)
    assert found.dangers == ()
    assert found.counts["create"] > 0
    assert "delete" not in found.counts
    assert "replace" not in found.counts
    assert found.cost is not None
    assert {name for name in found.cost.clusters if found.cost.difference_of(name).expected} == {"jp"}
    # A node, an ingress and an east-west gateway.
    assert found.cost.difference.expected == 24 + 2 * 10
    assert "jp-cluster" in names_of(found, "create")


def test_new_weights_change_the_placement_of_one_workload_alone(price_list: PriceList) -> None:
    found = report_on(CHANGE_WEIGHTS, price_list)
    assert found.dangers == ()
    assert names_of(found, "update") == {"hello.placement.policy"}
    assert found.counts["update"] == 1
    assert found.cost is not None
    assert found.cost.difference.expected == 0
    assert "1 → 2" in comment.markdown(found)


def test_a_production_pool_that_shrinks_is_dangerous_and_saves_money(price_list: PriceList) -> None:
    found = report_on(SHRINK_A_POOL, price_list)
    assert [danger.harm for danger in found.dangers] == [Harm.CAPACITY]
    assert "from 3 nodes to at most 2" in found.dangers[0].what
    assert found.cost is not None
    # Between 3 and 10 nodes before, and between 1 and 2 after.
    assert found.cost.difference.low == -2 * 48
    assert found.cost.difference.high == -8 * 48


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_is_told_by_its_own_name_and_not_by_its_folder(name: str, price_list: PriceList) -> None:
    assert report_on(name, price_list).packs == ("fleet-guardrails 0.1.0",)


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_holds_no_secret_and_is_small(name: str) -> None:
    text = recording(name).read_text()
    assert len(text.encode()) < LARGEST
    assert not re.search(r"PRIVATE KEY|eyJhbGciOi|client-key-data|[A-Za-z0-9+/=]{200}", text)


@pytest.mark.parametrize("name", NAMES)
def test_trimming_a_recording_again_changes_nothing(name: str) -> None:
    lines = recording(name).read_text().splitlines()
    assert list(trimmed(lines)) == lines, "it was changed by hand"
    assert all(json.loads(line) for line in lines)


def test_the_page_shows_what_is_printed() -> None:
    page = reviews.PAGE.read_text()
    assert reviews.rendered(page) == page, "run: python -m docs.reviews"
