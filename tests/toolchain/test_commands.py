"""`python -m sandbox tools`, as a user meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.toolchain import commands
from sandbox.toolchain.tools import TOOLS

if TYPE_CHECKING:
    from typer.testing import Result

    from tests.toolchain.conftest import Bench


@pytest.fixture
def used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(commands, "default_toolchain", lambda: bench.toolchain)
    return bench


def tools(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["tools", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_the_list_has_every_tool_with_version_and_place(used: Bench) -> None:
    built = used.toolchain.path("helm")
    lines = {line.split()[0]: line for line in tools().output.splitlines()}
    assert set(TOOLS) <= lines.keys()
    assert "1.99.0" in lines["go"]
    assert TOOLS["helm"].version in lines["helm"]
    assert built.name in lines["helm"]
    assert "built with Go 1.99.0" in lines["helm"]
    assert "not built yet" in lines["kubectl"]


def test_listing_builds_nothing(used: Bench) -> None:
    tools()
    assert used.runner.builds == []


def test_without_any_go_the_list_says_so(used: Bench) -> None:
    (used.path / "go").unlink()
    assert "PATH has no Go" in tools().output


def test_building_builds_what_is_named_and_only_that(used: Bench) -> None:
    tools("--build", "etcd", "helm")
    assert used.reporter.steps == [f"[1/1] helm {TOOLS['helm'].version}, etcd {TOOLS['etcd'].version}"]


def test_building_what_is_there_is_silent(used: Bench) -> None:
    tools("--build", "etcd")
    assert tools("--build", "etcd").output == ""


def test_verifying_mends_the_damaged_and_counts_them(used: Bench) -> None:
    tools("--build", "etcd", "helm")
    used.toolchain.path("etcd").write_bytes(b"AN EXECUTABLE")
    assert "1 as built, 1 damaged" in tools("--verify", "etcd", "helm").output
    assert used.toolchain.path("etcd").read_bytes() == b"an executable"


def test_pruning_says_what_it_freed(used: Bench) -> None:
    assert "freed 0 MiB" in tools("--prune").output
