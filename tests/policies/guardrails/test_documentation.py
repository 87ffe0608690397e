"""docs/guardrails.md shows the guardrails as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.guardrails.catalogue import DEFINITIONS
from tests.unit.configs import ROOT

if TYPE_CHECKING:
    from policies.guardrails.model import Definition

DOCUMENT = ROOT / "docs" / "guardrails.md"
HEADER = "| guardrail | what must hold | production | development | key that mends it |"


def row(definition: Definition) -> str:
    """A guardrail's row of the table."""
    keys = ", ".join(f"`{key}`" for key in definition.keys)
    cells = (f"`{definition.guardrail}`", definition.holds, definition.production, definition.development, keys)
    return f"| {' | '.join(cells)} |"


def test_the_table_has_a_row_for_each_guardrail_in_order() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    first = lines.index(HEADER) + 2
    rows = [row(definition) for definition in DEFINITIONS]
    assert lines[first : first + len(rows) + 1] == [*rows, ""]


def test_every_key_that_mends_is_a_key_of_the_config() -> None:
    described = (ROOT / "Pulumi.yaml").read_text(encoding="utf-8")
    for definition in DEFINITIONS:
        for key in definition.keys:
            assert f"  {'.'.join(key.split('.')[:1])}:\n" in described, key


def test_a_pull_requests_preview_asks_the_guardrails() -> None:
    workflow = (ROOT / ".github" / "workflows" / "review.yml").read_text(encoding="utf-8")
    previews = [line for line in workflow.splitlines() if "pulumi preview" in line]
    assert previews
    assert all("--policy-pack policies/guardrails" in line for line in previews)
