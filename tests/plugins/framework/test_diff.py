"""Differences are found where they are, and named in Pulumi's notation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.framework import UNKNOWN, Change, Properties, Secret, Value, compare, render

if TYPE_CHECKING:
    from sandbox.plugins.framework.diff import Path

_BAGS: st.SearchStrategy[Properties] = st.dictionaries(
    st.text(max_size=3),
    st.recursive(
        st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(_BAGS)
def test_a_bag_does_not_differ_from_itself(bag: Properties) -> None:
    assert compare(bag, bag) == {}
    assert compare(bag, {name: Secret(value) for name, value in bag.items()}) == {}


@given(_BAGS, _BAGS)
def test_bags_that_differ_are_seen_to_differ(one: Properties, other: Properties) -> None:
    assert bool(compare(one, other)) == (_bare(one) != _bare(other))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"a": 1}, {"a": Change.ADD}),
        ({"a": 1}, {}, {"a": Change.DELETE}),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, {"a.b[1]": Change.UPDATE, "a.b[2]": Change.ADD}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": Change.UPDATE}),
        ({"a": True}, {"a": 1}, {"a": Change.UPDATE}),
        ({"a": Secret("x")}, {"a": Secret("y")}, {"a": Change.UPDATE}),
        ({"m": {"a/b": "1"}}, {"m": {"a/b": "2"}}, {'m["a/b"]': Change.UPDATE}),
    ],
)
def test_each_place_is_named_with_its_kind_of_change(old: Properties, new: Properties, expected: object) -> None:
    assert {path: one.change for path, one in compare(old, new).items()} == expected


@pytest.mark.parametrize(
    ("force_new", "replaces"),
    [({"pools.type"}, {"pools[0].type"}), ({"pools"}, {"pools[0].type", "pools[0].count"}), ({"pools.typ"}, set())],
)
def test_replacement_is_forced_by_a_path_and_all_that_lies_in_it(force_new: set[str], replaces: set[str]) -> None:
    old, new = {"pools": [{"type": "a", "count": 1}]}, {"pools": [{"type": "b", "count": 2}]}
    found = compare(old, new, force_new=force_new)
    assert {path for path, one in found.items() if one.replaces} == replaces


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a", 0, "b"), "a[0].b"),
        (("a-b",), '["a-b"]'),
        (("a", 'x"y'), 'a["x\\"y"]'),
        (("metadata", "labels", "é"), 'metadata.labels["é"]'),
    ],
)
def test_paths_are_written_as_pulumi_reads_them(path: Path, text: str) -> None:
    assert render(path) == text


def _bare(value: Value) -> Value:
    """The value with types told apart, as Pulumi does: True is not 1."""
    match value:
        case dict():
            return {name: _bare(item) for name, item in value.items()}
        case list():
            return [_bare(item) for item in value]
        case _:
            return type(value), value
