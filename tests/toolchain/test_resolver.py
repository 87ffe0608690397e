"""Which executable a name stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.toolchain import resolver
from sandbox.toolchain.errors import BuildError, UnknownToolError
from sandbox.toolchain.process import pinned_go
from sandbox.toolchain.resolver import Source, Toolchain
from sandbox.toolchain.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.toolchain.conftest import Bench


def test_the_users_own_pulumi_is_taken_where_it_is_new_enough(bench: Bench) -> None:
    own = bench.put_on_path("pulumi")
    bench.runner.answers["pulumi"] = "v3.999.0\n"
    assert bench.toolchain.path("pulumi") == own
    assert bench.runner.builds == []


@pytest.mark.parametrize("said", ["v3.100.0\n", "v3.255.9\n", "no version at all\n", ""])
def test_an_older_or_unreadable_pulumi_is_left_alone_and_the_user_told_why(bench: Bench, said: str) -> None:
    own = bench.put_on_path("pulumi")
    bench.runner.answers["pulumi"] = said
    assert bench.toolchain.path("pulumi") != own
    assert any("3.258 or newer is needed" in note for note in bench.reporter.notes)


def test_a_pulumi_that_does_not_start_is_left_alone(bench: Bench) -> None:
    own = bench.put_on_path("pulumi")
    bench.runner.unstartable.add("pulumi")
    assert bench.toolchain.path("pulumi") != own


@pytest.mark.parametrize("name", [name for name in TOOLS if name != "pulumi"])
def test_no_other_tool_is_taken_from_path(bench: Bench, name: str) -> None:
    own = bench.put_on_path(name)
    assert bench.toolchain.path(name) != own


def test_where_a_tool_stands_is_told_without_building_it(bench: Bench) -> None:
    helm = TOOLS["helm"]
    assert bench.toolchain.standing(helm).source is Source.NOWHERE
    built = bench.toolchain.path("helm")
    standing = bench.toolchain.standing(helm)
    assert (standing.source, standing.path, standing.version) == (Source.CACHE, built, helm.version)
    assert standing.record is not None
    assert standing.record.go == pinned_go()
    assert len(bench.runner.builds) == 1


def test_verifying_finds_damage_that_the_cheap_check_cannot_see(bench: Bench) -> None:
    helm = TOOLS["helm"]
    assert bench.toolchain.verify(helm), "one that is not built is not damaged"
    entry_file = bench.toolchain.path("helm")
    assert bench.toolchain.verify(helm)
    entry_file.write_bytes(b"AN EXECUTABLE")
    assert not bench.toolchain.verify(helm)
    bench.toolchain.discard(helm)
    assert bench.toolchain.path("helm").read_bytes() == b"an executable"


def test_what_is_built_is_found_without_any_go(bench: Bench) -> None:
    built = bench.toolchain.path("helm")
    (bench.path / "go").unlink()
    asked = len(bench.runner.commands)
    assert bench.again().path("helm") == built
    assert len(bench.runner.commands) == asked, "nothing is run to find what is there"


def test_in_somebody_elses_cache_nothing_is_built_but_by_them(bench: Bench) -> None:
    asked: list[str] = []

    def build(names: Sequence[str]) -> None:
        asked.extend(names)
        bench.again().paths(names)

    roots = Toolchain(cache=bench.cache, runner=bench.runner, reporter=bench.reporter, build_elsewhere=build)
    assert roots.path("helm") == bench.again().path("helm")
    assert roots.path("helm").exists()
    assert asked == ["helm"], "what is there is asked of nobody"
    lazy = Toolchain(cache=bench.cache, runner=bench.runner, reporter=bench.reporter, build_elsewhere=asked.extend)
    with pytest.raises(BuildError, match="etcd cannot be found"):
        lazy.path("etcd")


def test_pruning_keeps_what_this_checkout_uses(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    used = bench.toolchain.path("helm")
    monkeypatch.setattr(resolver, "pinned_go", lambda: "1.99.1")
    later = bench.again()
    assert later.path("helm") != used
    assert later.prune() > 0
    assert not used.exists()
    assert later.path("helm").exists()


def test_an_unknown_name_builds_nothing(bench: Bench) -> None:
    with pytest.raises(UnknownToolError):
        bench.toolchain.paths(["helm", "hlem"])
    assert bench.runner.builds == []
