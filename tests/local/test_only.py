"""`make endurance ONLY=NAME`: some tests by their names, and never none without a word."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, cast

import pytest

from sandbox.engine.project import CHECKOUT
from tests.e2e.fixtures import chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

LOST = "tests/faults/lose_region.py::test_what_is_lost_comes_home"
RENEWED = "tests/faults/lose_region.py::test_authorities_are_renewed"
INTERRUPTED = "tests/faults/interrupt_up.py::test_an_interrupted_up_is_finished[0]"


class Item:
    """As much of a test as choosing looks at."""

    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid


ITEMS = cast("Sequence[pytest.Item]", [Item(nodeid) for nodeid in (LOST, RENEWED, INTERRUPTED)])


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("lose_region.py", [LOST, RENEWED]),
        ("lose", [LOST, RENEWED]),
        ("test_authorities_are_renewed", [RENEWED]),
        ("comes_home", [LOST]),
        ("interrupted", [INTERRUPTED]),
    ],
)
def test_a_test_is_chosen_by_a_part_of_its_own_name_or_of_its_files(only: str, names: list[str]) -> None:
    assert [item.nodeid for item in chosen(ITEMS, only)] == names


def test_the_folder_that_all_are_in_chooses_none() -> None:
    with pytest.raises(pytest.UsageError, match="no test is called 'faults'"):
        chosen(ITEMS, "faults")


def test_a_name_that_no_endurance_test_has_is_an_error_that_lists_those_that_there_are() -> None:
    # There is a file of that name, and nothing in it is an endurance test.
    marks = ["--collect-only", "--quiet", "-m", "endurance", "--only", "test_mesh.py", "tests/e2e", "tests/faults"]
    done = subprocess.run([sys.executable, "-m", "pytest", *marks], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no test is called 'test_mesh.py'" in done.stderr
    assert "\n  lose_region.py::test_a_lost_region" in done.stderr
    assert "test_mesh.py::" not in done.stderr
