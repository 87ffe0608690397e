"""Every fault is a file that says, in this order, what is steady, what is done, what must hold, and by when."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from sandbox.engine.project import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = CHECKOUT / "tests" / "faults"
FAULTS = sorted(file for file in FOLDER.glob("*.py") if file.stem not in ("__init__", "conftest"))
SAYS = re.compile(r".+\n\nSteady: .+\nDone: .+\nMust hold: .+\nBy: .+", re.DOTALL)


@pytest.mark.parametrize("file", FAULTS, ids=lambda file: file.stem)
def test_a_fault_says_what_is_steady_what_is_done_what_must_hold_and_by_when(file: Path) -> None:
    assert SAYS.fullmatch(ast.get_docstring(ast.parse(file.read_text())) or "")


@pytest.mark.parametrize("file", FAULTS, ids=lambda file: file.stem)
def test_a_fault_is_run_as_root_alone(file: Path) -> None:
    assert "pytestmark = [pytest.mark.privileged" in file.read_text() or "= pytest.mark.privileged" in file.read_text()
