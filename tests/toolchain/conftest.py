"""A toolchain on a cache of its own, with nothing of this machine on PATH."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sandbox.toolchain.cache import Cache
from sandbox.toolchain.resolver import Toolchain
from tests.toolchain.fakes import FakeReporter, FakeRunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The parts of a toolchain, for a test to set and to look at."""

    toolchain: Toolchain
    cache: Cache
    runner: FakeRunner
    reporter: FakeReporter
    path: Path
    """The one folder on PATH."""

    def again(self) -> Toolchain:
        """What a new process would have: the same cache, nothing remembered."""
        return Toolchain(cache=self.cache, runner=self.runner, reporter=self.reporter)

    def put_on_path(self, name: str) -> Path:
        """An executable on PATH; the runner says what it answers."""
        file = self.path / name
        file.write_text("#!/bin/false\n")
        file.chmod(0o755)
        return file

    def leftovers(self) -> list[Path]:
        """Unfinished work in the cache."""
        return list(self.cache.folder.glob("tmp/*"))


@pytest.fixture
def make_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeRunner], Bench]:
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))

    def make(runner: FakeRunner) -> Bench:
        cache, reporter = Cache(tmp_path / "cache"), FakeReporter()
        toolchain = Toolchain(cache=cache, runner=runner, reporter=reporter)
        return Bench(toolchain=toolchain, cache=cache, runner=runner, reporter=reporter, path=path)

    return make


@pytest.fixture
def bench(make_bench: Callable[[FakeRunner], Bench]) -> Bench:
    """A toolchain with a Go on PATH that is new enough."""
    made = make_bench(FakeRunner())
    made.put_on_path("go")
    return made
