"""Building the tools of one Go module at once, and saying what went wrong in words that help."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox.toolchain.cache import Entry, Made
from sandbox.toolchain.errors import BuildError, DiskFullError, ModuleUnavailableError, ToolchainError
from sandbox.toolchain.fetching import fetch_module
from sandbox.toolchain.process import Command, Finished, go_environment, ignore_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from sandbox.toolchain.cache import Cache
    from sandbox.toolchain.golang import Go
    from sandbox.toolchain.kinds import Module, Tool
    from sandbox.toolchain.modfile import ModFile
    from sandbox.toolchain.process import Runner
    from sandbox.toolchain.progress import Activity

_NAMED: Final = 2
_SHOWN_LINES: Final = 6
_NOISE: Final = re.compile(r"^(go: (downloading|finding|extracting) |# )")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a tool's executable is."""

    tool: Tool
    lock: ModFile
    go_version: str

    @property
    def key(self) -> str:
        """A hash of the recipe: equal keys mean equal executables."""
        parts: dict[str, object] = {
            "package": self.tool.package,
            "lock": self.lock.digest,
            "flags": self.tool.module.build_flags(self.lock),
            "go": self.go_version,
            "machine": (os.uname().sysname, os.uname().machine),
        }
        if self.tool.module.embedded:
            parts["embedded"] = [dataclasses.astuple(one) for one in self.tool.module.embedded]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def entry(self, cache: Cache) -> Entry:
        """The executable's place in a cache."""
        return cache.entry(self.tool.name, self.key)

    @property
    def version(self) -> str:
        """The version that is built."""
        return self.tool.version_in(self.lock)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Recipes of one module and one set of flags: Go builds them in one run, which compiles what they share once."""

    recipes: tuple[Recipe, ...]

    def __str__(self) -> str:
        shown = ", ".join(f"{recipe.tool.name} {recipe.version}" for recipe in self.recipes[:_NAMED])
        more = len(self.recipes) - _NAMED
        return f"{shown} and {more} more" if more > 0 else shown

    @property
    def module(self) -> Module:
        """The module that all are of."""
        return self.recipes[0].tool.module

    @property
    def lock(self) -> ModFile:
        """Its lock."""
        return self.recipes[0].lock

    @property
    def go_version(self) -> str:
        """The version of the Go that builds them."""
        return self.recipes[0].go_version

    @property
    def packages(self) -> list[str]:
        """Their main packages."""
        return [recipe.tool.package for recipe in self.recipes]


class Builder:
    """Builds tools into a cache. Several may work on one cache: each tool is built by one of them at a time."""

    def __init__(self, *, cache: Cache, runner: Runner, find_go: Callable[[], Go]) -> None:
        self._cache = cache
        self._runner = runner
        self._find_go = find_go

    def fetch(self, batch: Batch) -> frozenset[str]:
        """Fetch every Go module that a build will read, and no other. Returns the packages that it is about.

        What fails here is the network or the lock, what fails afterwards is the compiler.

        Raises ModuleUnavailableError, DiskFullError or CacheUnusableError.
        """
        try:
            with self._cache.workspace() as workspace:
                flags = self._flags(batch, workspace)
                listing = self._go(batch, ["list", "-deps", *flags, *batch.packages])
        except OSError as error:
            raise self._for_system(batch, error) from error
        if listing.exit_code != 0:
            raise self._for_failure(batch, listing, _module_unavailable)
        return frozenset(listing.stdout.splitlines())

    def build(self, batch: Batch, activity: Activity, fetched: Callable[[], frozenset[str]]) -> list[Path]:
        """Build tools, but for those that another process builds first. Returns the executables.

        Args:
            batch: the tools.
            activity: is told how far it is.
            fetched: waits for what `fetch` gives, which may have begun long ago.

        Raises ModuleUnavailableError, BuildError, DiskFullError or CacheUnusableError; nothing half is left.
        """
        activity.stage("waiting for another build of it")
        with contextlib.ExitStack() as locks:
            # In the table's order everywhere, so that no two processes wait for each other.
            for recipe in batch.recipes:
                locks.enter_context(self._cache.lock(recipe.tool.name))
            missing = tuple(recipe for recipe in batch.recipes if not recipe.entry(self._cache).intact())
            if missing:
                self._make(Batch(recipes=missing), activity, fetched)
        return [recipe.entry(self._cache).executable for recipe in batch.recipes]

    def _make(self, batch: Batch, activity: Activity, fetched: Callable[[], frozenset[str]]) -> None:
        activity.stage("fetching modules")
        packages = fetched()
        started = time.monotonic()
        with self._cache.workspace() as workspace:
            try:
                folder = self._compile(batch, workspace, packages, activity)
                seconds = round(time.monotonic() - started, 1)
                for recipe in batch.recipes:
                    made = Made(
                        file=folder / recipe.tool.built_as,
                        version=recipe.version,
                        go=recipe.go_version,
                        build_seconds=seconds,
                    )
                    recipe.entry(self._cache).store(made)
            except OSError as error:
                raise self._for_system(batch, error) from error

    def _compile(self, batch: Batch, workspace: Path, packages: Collection[str], activity: Activity) -> Path:
        folder = workspace / "built"
        folder.mkdir()
        activity.stage("compiling", packages=len(packages))
        # -v names each package that is compiled; those found in Go's build cache pass in silence.
        arguments = ["build", "-v", *self._flags(batch, workspace), "-o", f"{folder}{os.sep}", *batch.packages]
        built = self._go(batch, arguments, on_error_line=lambda _line: activity.advance())
        if built.exit_code != 0:
            raise self._for_failure(batch, built, _build_failed, progress=packages)
        return folder

    def _flags(self, batch: Batch, workspace: Path) -> tuple[str, ...]:
        """The module's, and what makes Go see the embedded files beside our main, without a copy in the checkout.

        `go help build`, -overlay: Go refuses one that adds to a module in its cache, so a main of our own is needed.
        """
        overlay: dict[str, str] = {}
        for embedded in batch.module.embedded:
            source = fetch_module(self._runner, self._find_go(), batch.lock.folder, embedded.module) / embedded.folder
            overlay |= {str(batch.lock.folder / name): str(source / name) for name in embedded.names}
        flags = batch.module.build_flags(batch.lock)
        if not overlay:
            return flags
        file = workspace / "overlay.json"
        file.write_text(json.dumps({"Replace": overlay}))
        return (*flags, "-overlay", str(file))

    def _go(
        self, batch: Batch, arguments: Sequence[str], on_error_line: Callable[[str], None] = ignore_line
    ) -> Finished:
        command = Command(
            arguments=[str(self._find_go().executable), *arguments],
            environment=go_environment(os.environ),
            folder=batch.lock.folder,
        )
        return self._runner(command, on_error_line)

    def _for_failure(
        self,
        batch: Batch,
        finished: Finished,
        otherwise: Callable[[Batch, str], ToolchainError],
        *,
        progress: Collection[str] = (),
    ) -> ToolchainError:
        """The error for what Go said, apart from the lines that only told how far it was."""
        if os.strerror(errno.ENOSPC).lower() in finished.stderr.lower():
            return self._disk_full(batch)
        lines = [
            line
            for line in finished.stderr.splitlines()
            if line.strip() and line not in progress and not _NOISE.match(line)
        ]
        return otherwise(batch, "\n".join(lines[-_SHOWN_LINES:]) or f"nothing, and ended with {finished.exit_code}")

    def _for_system(self, batch: Batch, error: OSError) -> ToolchainError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return self._disk_full(batch)
        return BuildError(
            what=f"{batch} cannot be built",
            why=str(error),
            remedy="Mend that and run again",
        )

    def _disk_full(self, batch: Batch) -> DiskFullError:
        free = shutil.disk_usage(self._cache.folder).free // 2**20
        return DiskFullError(
            what=f"No room to build {batch}",
            why=f"the disk is full; the file system of {self._cache.folder} has {free} MiB left, "
            "Go's own caches (go env GOCACHE GOMODCACHE) and the temporary folder may be on others",
            remedy="Free a few GiB (python -m sandbox tools --prune, go clean -cache) and run again",
        )


def _module_unavailable(batch: Batch, said: str) -> ToolchainError:
    what = f"The modules of {batch} cannot be fetched"
    if "checksum mismatch" in said or "missing go.sum entry" in said:
        return ModuleUnavailableError(
            what=what,
            why=f"what Go found differs from the lock {batch.lock.folder / 'go.sum'}\n{said}\n",
            remedy="Do not build from it: find out which of the two was changed, the lock or what the proxy serves",
        )
    return ModuleUnavailableError(
        what=what,
        why=f"Go says\n{said}\n",
        remedy="Check that a Go module proxy can be reached (go env GOPROXY; HTTPS_PROXY where you need one) "
        "and run again: what has been fetched is kept",
    )


def _build_failed(batch: Batch, said: str) -> ToolchainError:
    return BuildError(
        what=f"{batch} cannot be built with Go {batch.go_version}",
        why=f"Go says\n{said}\n",
        remedy="If it was killed, free memory and run again; otherwise see what changed the lock or Go's version",
    )
