"""`python -m sandbox tools`, as a user meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.toolchain import commands
from sandbox.toolchain.process import pinned_go
from sandbox.toolchain.tools import TOOLS

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.toolchain.conftest import Bench


@pytest.fixture
def used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(commands, "default_toolchain", lambda: bench.toolchain)
    return bench


def used_again(used: Bench) -> str:
    """What the list says in a process of its own, which has found no Go yet."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(commands, "default_toolchain", used.again)
        return tools().output


def tools(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["tools", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_the_list_has_every_tool_with_version_and_place(used: Bench) -> None:
    built = used.toolchain.path("helm")
    lines = {line.split()[0]: line for line in tools().output.splitlines()}
    assert set(TOOLS) <= lines.keys()
    assert pinned_go() in lines["go"]
    assert TOOLS["helm"].version in lines["helm"]
    assert built.name in lines["helm"]
    assert f"built with Go {pinned_go()}" in lines["helm"]
    assert "not built yet" in lines["kubectl"]


def test_listing_builds_nothing(used: Bench) -> None:
    tools()
    assert used.runner.builds == []


def test_without_any_go_the_list_says_so_and_has_what_is_built_all_the_same(used: Bench) -> None:
    used.toolchain.path("helm")
    (used.path / "go").unlink()
    said = used_again(used)
    assert "PATH has no Go" in said
    assert f"built with Go {pinned_go()}" in said


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


def test_exporting_and_importing_say_what_went(used: Bench, tmp_path: Path) -> None:
    file = tmp_path / "tools.tar.gz"
    assert "exported: 2 tools" in tools("--build", "--export", str(file), "etcd", "helm").output
    used.toolchain.discard(TOOLS["helm"])
    said = tools("--import", str(file)).output
    assert "imported: 2 tools; not in it, or in another version: pulumi, " in said
    assert used.again().standing(TOOLS["helm"]).path is not None
