"""The random stand-in, driven by the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine

_PROGRAM = """
    import pulumi
    import pulumi_random as random

    config = pulumi.Config()
    identity = random.RandomId("identity", byte_length=config.get_int("bytes") or 4,
                               keepers={"for": config.get("keeper") or "one"})
    text = random.RandomString("text", length=20, min_numeric=3, special=False)
    pulumi.export("hex", identity.hex)
    pulumi.export("text", text.result)
"""


def test_a_value_lives_until_its_inputs_change(stack: Stack) -> None:
    stack.program(_PROGRAM)
    preview = stack.preview()
    assert preview.operations == {"identity": ["create"], "text": ["create"]}
    assert stack.up().operations == {"identity": ["create"], "text": ["create"]}
    first = stack.outputs
    assert len(first["hex"]) == 8
    assert len(first["text"]) == 20

    assert stack.up().operations == {"identity": ["same"], "text": ["same"]}
    assert stack.refresh("--run-program").operations == {"identity": ["refresh"], "text": ["refresh"]}
    assert stack.outputs == first

    stack.config("keeper", "two")
    replaced = stack.up()
    assert replaced.operations["identity"] == ["create-replacement", "replace", "delete-replaced"]
    assert replaced.diff("identity") == {"keepers.for": "update-replace"}
    assert stack.outputs["hex"] != first["hex"]
    assert stack.outputs["text"] == first["text"]

    assert set(stack.destroy().operations) == {"identity", "text"}
    assert stack.resources == {}


def test_existing_values_can_be_imported(stack: Stack) -> None:
    stack.program(
        """
        import pulumi
        import pulumi_random as random

        identity = random.RandomId("identity", byte_length=4, prefix="fleet-",
                                   opts=pulumi.ResourceOptions(import_="fleet-,3q2-7w"))
        pulumi.export("hex", identity.hex)
        """
    )
    assert stack.up().operations == {"identity": ["import"]}
    assert stack.outputs == {"hex": "fleet-deadbeef"}
    assert stack.up().operations == {"identity": ["same"]}


def test_unacceptable_inputs_are_reported_with_their_property(stack: Stack) -> None:
    stack.program("import pulumi_random as random; random.RandomString('short', length=2, min_upper=3)")
    assert stack.failing_up().errors == [
        "random:index/randomString:RandomString resource 'short' has a problem: length: 2 is too short: "
        "it has to be at least 1 and the sum of the minima, 3"
    ]


def test_a_type_that_has_no_stand_in_is_named(stack: Stack) -> None:
    stack.program("import pulumi_random as random; random.RandomPet('pet')")
    result = stack.failing_up()
    assert any(
        "does not implement the resource type 'random:index/randomPet:RandomPet'" in error and "RandomId" in error
        for error in result.errors
    ), result.errors
