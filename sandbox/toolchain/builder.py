"""Building one tool with Go, and saying what went wrong in words that help."""

from __future__ import annotations

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
    from sandbox.toolchain.modfile import ModFile
    from sandbox.toolchain.process import Runner
    from sandbox.toolchain.progress import Activity
    from sandbox.toolchain.tools import Tool

_SHOWN_LINES: Final = 6
_NOISE: Final = re.compile(r"^(go: (downloading|finding|extracting) |# )")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a tool's executable is."""

    tool: Tool
    lock: ModFile
    go: Go

    @property
    def key(self) -> str:
        """A hash of the recipe: equal keys mean equal executables."""
        parts: dict[str, object] = {
            "package": self.tool.package,
            "lock": self.lock.digest,
            "flags": self.tool.module.build_flags(self.lock),
            "go": self.go.version,
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


class Builder:
    """Builds tools into a cache. Several may work on one cache: each tool is built by one of them at a time."""

    def __init__(self, *, cache: Cache, runner: Runner) -> None:
        self._cache = cache
        self._runner = runner

    def build(self, recipe: Recipe, activity: Activity) -> Path:
        """Build a tool, unless another process does so first. Returns the executable.

        Raises ModuleUnavailableError, BuildError, DiskFullError or CacheUnusableError; nothing half is left.
        """
        entry = recipe.entry(self._cache)
        activity.stage("waiting for another build of it")
        with self._cache.lock(recipe.tool.name):
            if not entry.intact():
                self._make(recipe, entry, activity)
        return entry.executable

    def _make(self, recipe: Recipe, entry: Entry, activity: Activity) -> None:
        started = time.monotonic()
        with self._cache.workspace() as workspace:
            file = workspace / recipe.tool.name
            try:
                self._compile(recipe, file, activity)
                made = Made(
                    file=file,
                    version=recipe.version,
                    go=recipe.go.version,
                    build_seconds=round(time.monotonic() - started, 1),
                )
                entry.store(made)
            except OSError as error:
                raise self._for_system(recipe, error) from error

    def _compile(self, recipe: Recipe, file: Path, activity: Activity) -> None:
        flags = recipe.tool.module.build_flags(recipe.lock)
        # Listing first fetches every module that the build will read: what fails here is the network or the
        # lock, what fails afterwards is the compiler.
        activity.stage("fetching modules")
        flags += self._overlay_flags(recipe, file.with_suffix(".overlay.json"))
        listing = self._go(recipe, ["list", "-deps", *flags, recipe.tool.package])
        if listing.exit_code != 0:
            raise self._for_failure(recipe, listing, _module_unavailable)
        packages = frozenset(listing.stdout.splitlines())
        activity.stage("compiling", packages=len(packages))
        # -v names each package that is compiled; those found in Go's build cache pass in silence.
        arguments = ["build", "-v", *flags, "-o", str(file), recipe.tool.package]
        built = self._go(recipe, arguments, on_error_line=lambda _line: activity.advance())
        if built.exit_code != 0:
            raise self._for_failure(recipe, built, _build_failed, progress=packages)

    def _overlay_flags(self, recipe: Recipe, file: Path) -> tuple[str, ...]:
        """What makes Go see the embedded files beside our main, without a copy of them in the checkout.

        `go help build`, -overlay: Go refuses one that adds to a module in its cache, so a main of our own is needed.
        """
        overlay: dict[str, str] = {}
        for embedded in recipe.tool.module.embedded:
            source = fetch_module(self._runner, recipe.go, recipe.lock.folder, embedded.module) / embedded.folder
            overlay |= {str(recipe.lock.folder / name): str(source / name) for name in embedded.names}
        if not overlay:
            return ()
        file.write_text(json.dumps({"Replace": overlay}))
        return ("-overlay", str(file))

    def _go(
        self, recipe: Recipe, arguments: Sequence[str], on_error_line: Callable[[str], None] = ignore_line
    ) -> Finished:
        command = Command(
            arguments=[str(recipe.go.executable), *arguments],
            environment=go_environment(os.environ),
            folder=recipe.lock.folder,
        )
        return self._runner(command, on_error_line)

    def _for_failure(
        self,
        recipe: Recipe,
        finished: Finished,
        otherwise: Callable[[Recipe, str], ToolchainError],
        *,
        progress: Collection[str] = (),
    ) -> ToolchainError:
        """The error for what Go said, apart from the lines that only told how far it was."""
        if os.strerror(errno.ENOSPC).lower() in finished.stderr.lower():
            return self._disk_full(recipe)
        lines = [
            line
            for line in finished.stderr.splitlines()
            if line.strip() and line not in progress and not _NOISE.match(line)
        ]
        return otherwise(recipe, "\n".join(lines[-_SHOWN_LINES:]) or f"nothing, and ended with {finished.exit_code}")

    def _for_system(self, recipe: Recipe, error: OSError) -> ToolchainError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return self._disk_full(recipe)
        return BuildError(
            what=f"{recipe.tool.name} {recipe.version} cannot be built",
            why=str(error),
            remedy="Mend that and run again",
        )

    def _disk_full(self, recipe: Recipe) -> DiskFullError:
        free = shutil.disk_usage(self._cache.folder).free // 2**20
        return DiskFullError(
            what=f"No room to build {recipe.tool.name} {recipe.version}",
            why=f"the disk is full; the file system of {self._cache.folder} has {free} MiB left, "
            "Go's own caches (go env GOCACHE GOMODCACHE) and the temporary folder may be on others",
            remedy="Free a few GiB (python -m sandbox tools --prune, go clean -cache) and run again",
        )


def _module_unavailable(recipe: Recipe, said: str) -> ToolchainError:
    what = f"The modules of {recipe.tool.name} {recipe.version} cannot be fetched"
    if "checksum mismatch" in said or "missing go.sum entry" in said:
        return ModuleUnavailableError(
            what=what,
            why=f"what Go found differs from the lock {recipe.lock.folder / 'go.sum'}\n{said}\n",
            remedy="Do not build from it: find out which of the two was changed, the lock or what the proxy serves",
        )
    return ModuleUnavailableError(
        what=what,
        why=f"Go says\n{said}\n",
        remedy="Check that a Go module proxy can be reached (go env GOPROXY; HTTPS_PROXY where you need one) "
        "and run again: what has been fetched is kept",
    )


def _build_failed(recipe: Recipe, said: str) -> ToolchainError:
    return BuildError(
        what=f"{recipe.tool.name} {recipe.version} cannot be built with Go {recipe.go.version}",
        why=f"Go says\n{said}\n",
        remedy="If it was killed, free memory and run again; otherwise build with the Go of sandbox/toolchain/go.txt",
    )
