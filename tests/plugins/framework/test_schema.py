"""What a table of properties does to values."""

from __future__ import annotations

from sandbox.plugins.framework import UNKNOWN, Properties, Secret
from sandbox.plugins.framework.schema import Kind, Property, Schema, Storage, Use, failures, force_new_paths
from sandbox.plugins.framework.shaping import comparable, keeping_filled, kept, live_inputs, planned, with_defaults

_ITEM: Schema = {
    "name": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "size": Property(kind=Kind.INTEGER, default=1),
    "zone": Property(kind=Kind.STRING, use=Use.FILLED, force_new=True),
    "id": Property(kind=Kind.INTEGER, use=Use.OUTPUT),
}
_SCHEMA: Schema = {
    "items": Property(kind=Kind.LIST, items=Property(kind=Kind.OBJECT, fields=_ITEM)),
    "tags": Property(kind=Kind.SET, items=Property(kind=Kind.STRING)),
    "labels": Property(kind=Kind.MAP),
    "pin": Property(kind=Kind.STRING, secret=True, storage=Storage.WRITE_ONLY),
    "region": Property(kind=Kind.STRING, use=Use.FILLED),
    "key": Property(kind=Kind.STRING, use=Use.OUTPUT, secret=True),
}


def test_every_misfit_is_named_by_its_path_and_none_by_its_value() -> None:
    inputs: Properties = {
        "items": [{"name": "a", "size": True}, {"size": 2, "id": 3}, UNKNOWN],
        "tags": ["x", 1],
        "labels": {"a/b": 2},
        "colour": "red",
        "pin": Secret(4711),
    }
    found = failures(_SCHEMA, inputs)
    assert {failure.path for failure in found} == {
        "items[0].size",
        "items[1].name",
        "items[1].id",
        "tags[1]",
        'labels["a/b"]',
        "colour",
        "pin",
    }
    assert not any("4711" in failure.reason for failure in found)


def test_defaults_are_filled_in_at_every_depth_and_secrets_stay() -> None:
    assert with_defaults(_SCHEMA, {"items": Secret([{"name": "a"}]), "tags": None}) == {
        "items": Secret([{"name": "a", "size": 1}])
    }


def test_a_plan_leaves_open_what_the_provider_decides() -> None:
    assert planned(_SCHEMA, {"items": [{"name": "a"}], "pin": "1"}) == {
        "items": [{"name": "a", "size": 1, "zone": UNKNOWN, "id": UNKNOWN}],
        "region": UNKNOWN,
        "key": Secret(UNKNOWN),
    }


def test_what_is_write_only_is_not_kept() -> None:
    assert kept(_SCHEMA, {"pin": "1", "region": "eu"}) == {"region": "eu"}


def test_sets_compare_by_their_members() -> None:
    assert comparable(_SCHEMA, {"tags": ["b", "a"]}) == comparable(_SCHEMA, {"tags": ["a", "b"]})


def test_to_stop_giving_what_is_filled_in_keeps_it() -> None:
    old: Properties = {"region": "eu", "items": [{"name": "a", "zone": "z1"}]}
    assert keeping_filled(_SCHEMA, old, {"items": [{"name": "b"}, {"name": "c"}]}) == {
        "region": "eu",
        "items": [{"name": "b", "zone": "z1"}, {"name": "c"}],
    }


def test_live_inputs_are_those_that_the_program_gave() -> None:
    outputs: Properties = {
        "items": [{"name": "a", "size": 5, "zone": "z1", "id": 7}, {"name": "new", "size": 1, "zone": "z2", "id": 8}],
        "tags": ["b", "a"],
        "region": "eu",
        "key": Secret("k"),
    }
    known: Properties = {"items": [{"name": "a", "size": 4}], "tags": Secret(["a", "b"])}
    assert live_inputs(_SCHEMA, known, outputs) == {
        "items": [{"name": "a", "size": 5}, {"name": "new", "size": 1, "zone": "z2"}],
        "tags": Secret(["a", "b"]),
    }


def test_an_import_takes_everything_that_can_be_given_and_is_not_empty() -> None:
    outputs: Properties = {"items": [], "tags": ["a"], "region": "eu", "key": "k", "labels": {}}
    assert live_inputs(_SCHEMA, {}, outputs) == {"tags": ["a"], "region": "eu"}


def test_forced_replacements_are_found_at_every_depth() -> None:
    assert force_new_paths(_SCHEMA) == {"items.zone"}
