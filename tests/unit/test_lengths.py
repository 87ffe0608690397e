"""Files and functions that can be read at once."""

import ast

import pytest

from tests.unit.configs import ROOT

PACKAGES = ("bench", "sandbox")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_is_longer_than_300_lines_and_no_function_than_40(package: str) -> None:
    long = []
    for file in sorted((ROOT / package).rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if (lines := len(text.splitlines())) > 300:
            long.append(f"{file.relative_to(ROOT)}: {lines}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if (lines := node.end_lineno - node.lineno + 1) > 40:
                    long.append(f"{file.relative_to(ROOT)}, {node.name}: {lines}")
    assert not long, "move what belongs elsewhere, or give a part a name"
