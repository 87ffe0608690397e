"""Values over the wire: nothing is lost, and no secret comes out in plain."""

from __future__ import annotations

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.framework import UNKNOWN, Properties, ProviderError, Secret, Value, carry_secrets, reveal, secret
from sandbox.plugins.framework.values import decode, encode, has_secret, has_unknown

_PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
_VALUES: st.SearchStrategy[Value] = st.recursive(
    _PLAIN | st.just(UNKNOWN) | _PLAIN.map(Secret),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | inner.map(secret),
    max_leaves=12,
)
_BAGS: st.SearchStrategy[Properties] = st.dictionaries(st.text(), _VALUES, max_size=4)


@given(_BAGS)
def test_a_bag_survives_the_wire(bag: Properties) -> None:
    assert decode(encode(bag)) == bag


@given(_BAGS)
def test_revealing_leaves_no_mark_and_keeps_unknowns(bag: Properties) -> None:
    assert not has_secret(reveal(bag))
    assert has_unknown(reveal(bag)) == has_unknown(bag)


@given(st.text(min_size=12))
def test_a_secret_never_shows_in_a_representation(text: str) -> None:
    assert repr(text)[1:-1] not in repr({"password": [Secret({"deep": text})]})


def test_whole_numbers_are_integers_and_others_are_not() -> None:
    decoded = decode(encode({"whole": 3.0, "part": 3.5, "huge": 1e300}))
    assert {name: type(value) for name, value in decoded.items()} == {"whole": int, "part": float, "huge": float}


def test_an_output_value_is_its_content_or_unknown() -> None:
    signature, output = "4dabf18193072939515e22adb298388d", "d0e6a833031e9bbcd3f4e8bde6ca49a4"
    struct = struct_pb2.Struct()
    struct.update(
        {
            "known": {signature: output, "value": "v", "secret": True, "dependencies": []},
            "unknown": {signature: output},
        }
    )
    assert decode(struct) == {"known": Secret("v"), "unknown": UNKNOWN}


def test_an_archive_is_refused_in_words() -> None:
    struct = struct_pb2.Struct()
    struct.update({"file": {"4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7", "path": "x"}})
    with pytest.raises(ProviderError, match="archive"):
        decode(struct)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (Secret("a"), "b", Secret("b")),
        ("a", "b", "b"),
        ({"x": Secret(1), "y": 2}, {"x": 3, "y": 4, "z": 5}, {"x": Secret(3), "y": 4, "z": 5}),
        ([Secret(1), 2], [3, 4], [Secret(3), 4]),
        ([Secret(1), 2], [2, 1, 0], Secret([2, 1, 0])),
        ({"x": Secret(1)}, ["x"], Secret(["x"])),
        (Secret("a"), Secret("b"), Secret("b")),
    ],
)
def test_what_was_secret_stays_secret_in_its_place(source: Value, target: Value, expected: Value) -> None:
    assert carry_secrets(source, target) == expected
