"""Lists: pages, and the filter that chooses and orders their entries."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.linode.errors import ApiError
from sandbox.linode.filtering import parse_filter
from sandbox.linode.pagination import parse_page
from tests.linode.conftest import LinodeUser, problems

FIELDS = frozenset({"id", "label", "tags", "memory", "entity.id"})
ENTRIES = [
    {"id": 1, "label": "eu", "tags": ["mesh", "web"], "memory": 2048, "entity": {"id": 7}},
    {"id": 2, "label": "ap", "tags": ["mesh"], "memory": 4096, "entity": None},
    {"id": 3, "label": "us-west", "tags": [], "memory": None, "entity": {"id": 8}},
]


def chosen(conditions: Any) -> list[int]:
    """The ids of the entries that a filter keeps, in its order."""
    found = parse_filter(json.dumps(conditions), filterable=FIELDS).apply(ENTRIES)
    return [entry["id"] for entry in found]


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ({}, [1, 2, 3]),
        ({"label": "eu"}, [1]),
        ({"label": "eu", "id": 2}, []),
        ({"+and": [{"tags": "mesh"}, {"memory": {"+gt": 2048}}]}, [2]),
        ({"+or": [{"id": 1}, {"id": 3}]}, [1, 3]),
        ({"+or": []}, []),
        ({"+and": []}, [1, 2, 3]),
        ({"+or": [{"+and": [{"id": 1}, {"label": "eu"}]}, {"label": "ap"}]}, [1, 2]),
        ({"tags": "mesh"}, [1, 2]),
        ({"tags": {"+neq": "web"}}, [2, 3]),
        ({"tags": {"+contains": "es"}}, [1, 2]),
        ({"label": {"+contains": "-"}}, [3]),
        ({"label": {"+neq": "eu"}}, [2, 3]),
        ({"memory": {"+gte": 2048, "+lt": 4096}}, [1]),
        ({"memory": {"+lte": 4096}}, [1, 2]),
        ({"memory": None}, [3]),
        ({"entity.id": 8}, [3]),
        ({"entity.id": None}, [2]),
        ({"+order_by": "label"}, [2, 1, 3]),
        ({"+order_by": "label", "+order": "desc"}, [3, 1, 2]),
        ({"+order_by": "memory"}, [3, 1, 2]),
        ({"+order_by": "id", "+order": "desc", "tags": "mesh"}, [2, 1]),
    ],
)
def test_a_filter_keeps_and_orders(conditions: Any, kept: list[int]) -> None:
    assert chosen(conditions) == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Filter not valid JSON"),
        ("", "Filter not valid JSON"),
        ("[" * 100_000, "Filter not valid JSON"),
        ('{"id": NaN}', "Filter not valid JSON"),
        ('{"id": "\\ud800"}', "Filter not valid JSON"),
        ("7", "Filter must be a JSON object"),
        ("[]", "Filter must be a JSON object"),
        ('{"foo": 1}', "Cannot filter on foo"),
        ('{"+and": {"id": 1}}', "+and must be a list of objects"),
        ('{"+or": [1]}', "+or must be a list of objects"),
        ('{"id": {"+near": 1}}', "Unknown operator +near"),
        ('{"id": [1]}', "Could not apply filter"),
        ('{"id": {"+gt": {}}}', "Could not apply filter"),
        ('{"id": {"+gt": "one"}}', "Could not apply filter"),
        ('{"tags": {"+lt": 1}}', "Could not apply filter"),
        ('{"label": {"+contains": 1}}', "+contains needs a string"),
        ('{"+order_by": "foo"}', "Cannot order by foo"),
        ('{"+order_by": 1}', "Cannot order by 1"),
        ('{"+order_by": "id", "+order": "up"}', "+order must be asc or desc"),
        ('{"+order": []}', "+order must be asc or desc"),
    ],
)
def test_a_filter_with_mistakes_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_filter(text, filterable=FIELDS).apply(ENTRIES)
    (problem,) = refused.value.problems
    assert (problem.field, problem.reason) == ("X-Filter", reason)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_header_is_a_filter_or_refused(text: str) -> None:
    # Anything but an ApiError fails the test.
    with contextlib.suppress(ApiError):
        parse_filter(text, filterable=FIELDS).apply(ENTRIES)


@given(st.integers(1, 500), st.integers(25, 500), st.integers(0, 1200))
def test_pages_hold_every_entry_once(number: int, size: int, results: int) -> None:
    entries = list(range(results))
    page = parse_page({"page": str(number), "page_size": str(size)})
    pages = max(1, -(-results // size))
    cut = page.cut(entries)
    assert (cut["page"], cut["pages"], cut["results"]) == (number, pages, results)
    assert cut["data"] == entries[(number - 1) * size : number * size]


def test_a_list_is_walked_page_by_page(user: LinodeUser) -> None:
    for _ in range(60):
        user.post("/nodebalancers", {"region": "eu-west"})
    pages = [user.get(f"/nodebalancers?page_size=25&page={number}") for number in (1, 2, 3)]
    assert [len(page["data"]) for page in pages] == [25, 25, 10]
    assert {page["pages"] for page in pages} == {3}
    assert len({entry["id"] for page in pages for entry in page["data"]}) == 60
    assert user.get("/nodebalancers?page_size=25&page=4") == {"data": [], "page": 4, "pages": 3, "results": 60}


def test_a_page_past_the_end_is_empty_as_the_official_provider_wants_it_for_a_hello(careless_user: LinodeUser) -> None:
    answer = careless_user.get("/linode/types?page=100")
    assert (answer["data"], answer["page"], answer["pages"]) == ([], 100, 1)


@pytest.mark.parametrize("size", ["24", "501", "0", "-25", "1e2", "", "x", "9" * 5000, "%EF%BC%91%EF%BC%90%EF%BC%90"])
def test_a_page_size_outside_25_to_500_is_refused(careless_user: LinodeUser, size: str) -> None:
    refused = careless_user.get(f"/regions?page_size={size}", expect=400)
    assert problems(refused) == {"page_size": "Must be 25-500"}


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1.0", "9" * 5000])
def test_a_page_that_is_no_number_is_refused(careless_user: LinodeUser, page: str) -> None:
    assert problems(careless_user.get(f"/regions?page={page}", expect=400)).keys() == {"page"}


def test_page_and_size_are_refused_together(careless_user: LinodeUser) -> None:
    assert problems(careless_user.get("/regions?page=0&page_size=1", expect=400)).keys() == {"page", "page_size"}


def test_an_empty_list_has_one_page(careless_user: LinodeUser) -> None:
    assert careless_user.get("/volumes") == {"data": [], "page": 1, "pages": 1, "results": 0}
