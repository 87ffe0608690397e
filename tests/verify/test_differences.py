"""What `verify` cannot know is said where it ends, and written in one table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from operations.claims import Claim
from sandbox.cli import app
from sandbox.clusters.images.model import tools_in
from sandbox.clusters.images.table import IMAGES
from sandbox.toolchain.tools import TOOLS
from sandbox.verify import commands

if TYPE_CHECKING:
    from sandbox.clusters.images.model import Image

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"


def rows() -> dict[str, tuple[str, str]]:
    """The table of differences: what is different, and what that hides, by its first column."""
    _, _, text = PAGE.read_text().partition("## How the sandbox differs from an account\n")
    section, _, _ = text.partition("\n## ")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", section, re.M)]
    return {name: (difference, hidden) for name, difference, hidden in cells[2:]}


def test_verify_ends_with_where_to_read_what_it_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = [Claim(text="calls are answered", holds=True, evidence="10 of 10")]
    monkeypatch.setattr(commands, "enter_network", lambda _: None)
    monkeypatch.setattr(commands, "outputs", lambda *_: {})
    monkeypatch.setattr(commands, "config", lambda *_: {})
    monkeypatch.setattr(commands, "claims", lambda *_: claims)
    result = CliRunner().invoke(app, ["verify"], catch_exceptions=False)
    *_, before, last = result.stdout.replace("\n", " ").partition("looked at in the sandbox")
    assert before
    assert commands.DIFFERENCES in last.replace(" ", "") or commands.DIFFERENCES in last
    assert result.exit_code == 0


def test_each_difference_says_what_it_hides() -> None:
    assert len(rows()) > 20
    assert all(difference and hidden for difference, hidden in rows().values())


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_tag_says_what_is_inside_or_the_table_does(image: Image) -> None:
    versions = {TOOLS[name].version for name in tools_in(image.layers)}
    repository, _, tag = image.name.rpartition(":")
    # A pseudo-version names the commit, which Istio's tags and another test do as well.
    released = {version.removeprefix("v") for version in versions if "-0." not in version and "-20" not in version}
    if versions and all(version in tag for version in released):
        return
    difference, _ = rows()["image tags"]
    for wanted in (f"`{repository.rpartition('/')[2]}", *released):
        assert wanted in difference, f"{image.name} has {', '.join(released) or 'programs of the system'} inside"
