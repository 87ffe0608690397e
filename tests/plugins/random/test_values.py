"""Random values: drawn from what was allowed, as many as asked, and different each time."""

from __future__ import annotations

import base64
import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.framework import UNKNOWN, Properties, ProviderError, Secret, reveal
from sandbox.plugins.random.bytes import RandomBytes
from sandbox.plugins.random.identifier import RandomId
from sandbox.plugins.random.string import RandomString
from tests.plugins.calls import Calls

if TYPE_CHECKING:
    from sandbox.plugins.random.value import RandomValue

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_SETS = {
    "Upper": string.ascii_uppercase,
    "Lower": string.ascii_lowercase,
    "Numeric": string.digits,
    "Special": _SPECIAL,
}


@given(size=st.integers(1, 64), prefix=st.text(max_size=5))
def test_an_id_is_the_same_bytes_in_every_notation(size: int, prefix: str) -> None:
    created = Calls(RandomId()).create(byteLength=size, prefix=prefix)
    notations = {name: created.outputs[name].removeprefix(prefix) for name in ("hex", "dec", "b64Std", "b64Url")}
    data = bytes.fromhex(notations["hex"])
    assert len(data) == size
    assert int(notations["dec"]) == int.from_bytes(data)
    assert base64.b64decode(notations["b64Std"]) == data
    assert base64.urlsafe_b64decode(notations["b64Url"] + "=" * (-len(notations["b64Url"]) % 4)) == data
    assert created.id == notations["b64Url"]


@pytest.mark.parametrize(
    ("kind", "inputs", "imported"),
    [(RandomId(), {"byteLength": 4}, "fleet-,3q2-7w"), (RandomString(), {"length": 6}, "abc123")],
)
def test_the_id_is_recorded_among_the_outputs_as_the_official_provider_does(
    kind: RandomValue, inputs: Properties, imported: str
) -> None:
    created, found = Calls(kind).create(**inputs), Calls(kind).read(imported)
    assert created.outputs["id"] == created.id
    assert found is not None
    assert found.outputs["id"] == found.id


def test_bytes_record_no_id_since_their_official_schema_has_none() -> None:
    assert Calls(RandomBytes()).create(length=32).outputs.keys() == {"length", "base64", "hex"}


@pytest.mark.parametrize(("kind", "inputs"), [(RandomId(), {"byteLength": 4}), (RandomString(), {"length": 6})])
def test_a_value_that_was_recorded_without_its_id_shows_no_change(kind: RandomValue, inputs: Properties) -> None:
    calls, created = Calls(kind), Calls(kind).create(**inputs)
    earlier = {name: value for name, value in created.outputs.items() if name != "id"}
    assert calls.diff(inputs, inputs, earlier).properties == {}
    found = calls.read(created.id, inputs, earlier)
    assert found is not None
    assert (found.id, found.inputs, found.outputs) == (created.id, inputs, earlier)


def test_bytes_are_the_same_in_both_notations_and_secret_in_both() -> None:
    created = Calls(RandomBytes()).create(length=32)
    assert all(isinstance(created.outputs[name], Secret) for name in ("base64", "hex"))
    data = base64.b64decode(reveal(created.outputs["base64"]), validate=True)
    assert (len(data), data.hex()) == (32, reveal(created.outputs["hex"]))
    assert base64.b64decode(created.id) == data, "as with the official provider, which is why no secret is made of them"


def test_no_two_values_are_the_same() -> None:
    ids = {Calls(RandomId()).create(byteLength=8).id for _ in range(100)}
    texts = {Calls(RandomString()).create(length=12).id for _ in range(100)}
    assert (len(ids), len(texts)) == (100, 100)


@given(st.fixed_dictionaries({name: st.integers(0, 5) for name in _SETS}), st.integers(0, 20))
def test_a_string_holds_the_least_number_from_each_set(minima: dict[str, int], more: int) -> None:
    length = max(1, sum(minima.values()) + more)
    created = Calls(RandomString()).create(length=length, **{f"min{name}": least for name, least in minima.items()})
    result = created.outputs["result"]
    assert len(result) == length
    for name, characters in _SETS.items():
        assert sum(one in characters for one in result) >= minima[name]


@pytest.mark.parametrize("off", ["upper", "lower", "numeric", "number", "special"])
def test_a_set_that_is_off_gives_no_character(off: str) -> None:
    created = Calls(RandomString()).create(length=500, **{off: False})
    forbidden = _SETS["Numeric" if off == "number" else off.capitalize()]
    assert not set(created.outputs["result"]) & set(forbidden)
    assert created.outputs["numeric"] == created.outputs["number"] == (off not in ("number", "numeric"))


def test_special_characters_can_be_chosen() -> None:
    chosen = {"upper": False, "lower": False, "numeric": False, "overrideSpecial": "_%"}
    assert set(Calls(RandomString()).create(length=200, **chosen).outputs["result"]) == {"_", "%"}


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"length": 0}, "length"),
        ({"length": 3, "minUpper": 2, "minLower": 2}, "length"),
        ({"length": 3, "upper": False, "lower": False, "numeric": False, "special": False}, "length"),
        ({"length": 3, "number": True, "numeric": False}, "number"),
        ({}, "length"),
    ],
)
def test_impossible_strings_are_refused(inputs: Properties, path: str) -> None:
    assert path in [failure.path for failure in Calls(RandomString()).check(**inputs)]


def test_inputs_that_are_not_known_yet_are_accepted() -> None:
    assert Calls(RandomString()).check(length=UNKNOWN, numeric=UNKNOWN, minUpper=UNKNOWN) == []
    assert Calls(RandomId()).check(byteLength=UNKNOWN) == []


def test_an_imported_string_is_what_a_default_one_of_its_length_would_be() -> None:
    calls = Calls(RandomString())
    found = calls.read("abc123")
    assert found is not None
    assert (found.id, found.outputs["result"]) == ("abc123", "abc123")
    assert calls.diff(dict(found.inputs), {"length": 6}).properties == {}


def test_only_ids_in_their_own_notation_can_be_imported() -> None:
    with pytest.raises(ProviderError, match="cannot import this id: 'no id' is not URL-safe base64"):
        Calls(RandomId()).read("no id")
