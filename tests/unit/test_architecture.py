"""docs/architecture.md says what the linter holds, and names what is there."""

import re
import tomllib

from tests.unit.configs import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_page_has_a_paragraph_for_every_contract_and_no_other() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert re.findall(r"^### (.+)$", PAGE, re.MULTILINE) == [contract["name"] for contract in contracts]


def test_every_path_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:py|yaml|toml))`", PAGE))
    assert len(named) > 20, "some are found"
    assert not [path for path in named if not (ROOT / path).exists()]
