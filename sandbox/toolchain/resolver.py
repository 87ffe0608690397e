"""From a tool's name to an executable: the user's own, the cached one, or a new build."""

from __future__ import annotations

import enum
import functools
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.version import Version

from sandbox.privileges import as_invoker, environment, invoker
from sandbox.toolchain import archive
from sandbox.toolchain.builder import Batch, Builder, Recipe
from sandbox.toolchain.cache import Cache, default_cache_folder
from sandbox.toolchain.errors import BuildError
from sandbox.toolchain.golang import Go, GoFinder
from sandbox.toolchain.process import Command, attend, pinned_go, run
from sandbox.toolchain.progress import Step, default_reporter
from sandbox.toolchain.tools import TOOLS, find_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.toolchain.cache import Record
    from sandbox.toolchain.kinds import Tool
    from sandbox.toolchain.process import Runner
    from sandbox.toolchain.progress import Reporter

_VERSION: Final = re.compile(r"v?(\d+\.\d+\.\d+)")


class Source(enum.Enum):
    """Where a tool comes from."""

    PATH = "PATH"
    CACHE = "built"
    NOWHERE = "not built yet"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is used for a tool now, without building anything."""

    name: str
    version: str
    source: Source
    path: Path | None = None
    record: Record | None = None


class Toolchain:
    """The tools of this checkout, in one cache."""

    def __init__(
        self,
        *,
        cache: Cache,
        runner: Runner,
        reporter: Reporter,
        build_elsewhere: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        """With `build_elsewhere` that builds what is missing, by name: the cache is somebody else's."""
        self.cache = cache
        self._build_elsewhere = build_elsewhere
        self._runner = runner
        self._reporter = reporter
        self._finder = GoFinder(cache=cache, runner=runner, reporter=reporter)
        self._builder = Builder(cache=cache, runner=runner, find_go=lambda: self.go)
        self._resolved: dict[str, Path] = {}

    @functools.cached_property
    def go(self) -> Go:
        """The Go that builds every tool; what is built already needs none. Raises NoGoError."""
        return self._finder.find()

    def path(self, name: str) -> Path:
        """The executable of a tool, built if it must be. Raises a ToolchainError."""
        return self.paths([name])[name]

    def paths(self, names: Iterable[str]) -> dict[str, Path]:
        """The executables of several tools, by name. Raises a ToolchainError."""
        tools = find_tools(names)
        missing = [tool for tool in tools if tool.name not in self._resolved and not self._resolve(tool)]
        self._build(missing)
        return {tool.name: self._resolved[tool.name] for tool in tools}

    def standing(self, tool: Tool) -> Standing:
        """What would be used for a tool now. Builds nothing."""
        if (own := self._on_path(tool)) is not None:
            return own
        entry = self._recipe(tool).entry(self.cache)
        record = entry.record()
        if record is None or not entry.intact():
            return Standing(name=tool.name, version=tool.version, source=Source.NOWHERE)
        return Standing(name=tool.name, version=tool.version, source=Source.CACHE, path=entry.executable, record=record)

    def verify(self, tool: Tool) -> bool:
        """Whether a built tool is, byte for byte, what was built. True too for one that isn't built."""
        entry = self._recipe(tool).entry(self.cache)
        return entry.record() is None or entry.verified()

    def discard(self, tool: Tool) -> None:
        """Forget a built tool, so that it is built anew."""
        self._resolved.pop(tool.name, None)
        with self.cache.lock(tool.name):
            shutil.rmtree(self._recipe(tool).entry(self.cache).folder, ignore_errors=True)

    def prune(self) -> int:
        """Remove what this checkout doesn't use from the cache. Returns the bytes freed."""
        return self.cache.prune([self._recipe(tool).entry(self.cache) for tool in TOOLS.values()])

    def export(self, file: Path, tools: Iterable[Tool]) -> archive.Manifest:
        """Put built tools into an archive. Raises ArchiveError."""
        return archive.write(file, [self._recipe(tool).entry(self.cache) for tool in tools])

    def take(self, source: str) -> tuple[str, ...]:
        """Put the tools of an archive into the cache; the names of those in it. Raises ArchiveError."""
        places = [self._recipe(tool).entry(self.cache) for tool in TOOLS.values()]
        return tuple(entry.name for entry in archive.read(source, places, self.cache))

    def _resolve(self, tool: Tool) -> bool:
        standing = self.standing(tool)
        if standing.path is None:
            return False
        self._resolved[tool.name] = standing.path
        return True

    def _build(self, tools: Sequence[Tool]) -> None:
        if tools and self._build_elsewhere is not None:
            self._build_elsewhere([tool.name for tool in tools])
            if lacking := [tool.name for tool in tools if not self._resolve(tool)]:
                raise BuildError(
                    what=f"{', '.join(lacking)} cannot be found",
                    why=f"they were built, and are not in {self.cache.folder}",
                    remedy="Build them by `make tools` before you ask for root",
                )
            return
        batches = [
            Batch(recipes=tuple(self._recipe(tool) for tool in tools if tool.module == module))
            for module in dict.fromkeys(tool.module for tool in tools)
        ]
        # While one batch is compiled, the modules of those after it are fetched.
        fetching = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fetching")
        try:
            fetched = [fetching.submit(self._builder.fetch, batch) for batch in batches]
            for position, batch in enumerate(batches, start=1):
                step = Step(title=str(batch), position=position, total=len(batches))
                self._build_batch(batch, step, fetched[position - 1].result)
        finally:
            fetching.shutdown(cancel_futures=True)

    def _build_batch(self, batch: Batch, step: Step, fetched: Callable[[], frozenset[str]]) -> None:
        for recipe in batch.recipes:
            if recipe.entry(self.cache).executable.exists():
                self._reporter.note(f"{recipe.tool.name}: the cached executable is damaged, building it anew")
        with self._reporter.step(step) as activity:
            built = self._builder.build(batch, activity, fetched)
        self._resolved |= {recipe.tool.name: path for recipe, path in zip(batch.recipes, built, strict=True)}

    def _recipe(self, tool: Tool) -> Recipe:
        return Recipe(tool=tool, lock=tool.module.lock, go_version=pinned_go())

    def _on_path(self, tool: Tool) -> Standing | None:
        if tool.on_path is None or (found := shutil.which(tool.name)) is None:
            return None
        command = Command(arguments=[found, *tool.on_path.version_arguments], environment=os.environ, folder=Path.cwd())
        try:
            version = _VERSION.search(self._runner(command).stdout)
        except OSError:
            return None
        if version is None or Version(version[1]) < tool.on_path.minimum:
            self._reporter.note(
                f"{tool.name}: {found} is {version[1] if version else 'of an unknown version'}, "
                f"{tool.on_path.minimum} or newer is needed ({tool.on_path.reason}); using our own"
            )
            return None
        return Standing(name=tool.name, version=f"v{version[1]}", source=Source.PATH, path=Path(found))


@functools.cache
def default_toolchain() -> Toolchain:
    """The toolchain of this process: the user's cache, real processes, progress on standard error."""
    return Toolchain(
        cache=Cache(default_cache_folder()),
        runner=run,
        reporter=default_reporter(),
        build_elsewhere=_build_as_invoker if invoker() is not None else None,
    )


def _build_as_invoker(names: Sequence[str]) -> None:
    """Build tools as whoever asked for root, whose cache it is; what they see of it goes to the terminal."""
    command = as_invoker([sys.executable, "-m", "sandbox", "tools", "--build", *names])
    if attend(command, environment()) != 0:
        raise BuildError(
            what=f"{', '.join(names)} cannot be built",
            why="the reason is above",
            remedy="Mend that and run again",
        )


def tool_path(name: str) -> Path:
    """The executable of a tool, built on first use and cached for all checkouts of this user.

    Any number of processes may call it at once. Raises a ToolchainError that says what to do.
    """
    return default_toolchain().path(name)
