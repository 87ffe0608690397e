"""Running Go, uv, Pulumi and the tools themselves as whoever asked for root: to their end, heard or on the terminal."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from sandbox.privileges import as_invoker, identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

GO_VERSION_FILE: Final = Path(__file__).with_name("go-version")
"""The Go that builds every tool, on every machine: its version is part of a tool's key."""
_GRACE_SECONDS: Final = 10.0
# The compiler collects garbage less often, which is a tenth of its work, and no process of it takes more memory than a
# small machine has for two. No result depends on it.
_COLLECTION: Final = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}
_KEPT_GO_SETTINGS: Final = frozenset(
    {
        # Where modules come from and who vouches for them: a company's own proxy goes on working.
        *("GOPROXY", "GOPRIVATE", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS"),
        # Where Go keeps what it has fetched and compiled.
        *("GOPATH", "GOMODCACHE", "GOCACHE", "GOTMPDIR", "GOENV"),
        # How many threads it uses; no result depends on it.
        "GOMAXPROCS",
    }
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A program to run: arguments, environment (all of it) and the folder it runs in."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a program ended and what it said."""

    exit_code: int
    stdout: str
    stderr: str


class Runner(Protocol):
    """Runs commands. Tests put a recorded one in its place."""

    def __call__(self, command: Command, on_error_line: Callable[[str], None] = ...) -> Finished:
        """Run to the end, handing on each line of standard error as it comes. Raises OSError if it can't start."""


def ignore_line(_line: str) -> None:
    """Hand a line on to nobody."""


def run(command: Command, on_error_line: Callable[[str], None] = ignore_line) -> Finished:
    """Run a program to its end. Whatever interrupts the wait ends the program too, before it goes on."""
    with _started(command) as process:
        stdout: list[str] = []
        stderr: list[str] = []
        readers = [
            threading.Thread(target=_read, args=(process.stdout, stdout.append), daemon=True),
            threading.Thread(target=_read, args=(process.stderr, _both(stderr.append, on_error_line)), daemon=True),
        ]
        for reader in readers:
            reader.start()
        exit_code = process.wait()
        for reader in readers:
            reader.join()
    return Finished(exit_code=exit_code, stdout="".join(stdout), stderr="".join(stderr))


def attend(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program to its end on this process's own terminal, as this process's own user; its exit code."""
    return subprocess.run(arguments, env=environment, check=False).returncode  # noqa: S603 - as below


def pinned_go() -> str:
    """The version of Go that tools are built with, as Go writes it: 1.26.8."""
    return GO_VERSION_FILE.read_text().strip()


def go_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment for Go: nothing in it but what is listed can change a result.

    By GOTOOLCHAIN a Go of another version fetches the pinned one from the module proxy and runs that
    (https://go.dev/doc/toolchain), and GOFLAGS is set because an empty one would let the user's
    `go env -w GOFLAGS=...` through.
    """
    kept = {
        name: value for name, value in base.items() if name in _KEPT_GO_SETTINGS or not name.startswith(("GO", "CGO_"))
    }
    ours = {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": f"go{pinned_go()}",
        "GOWORK": "off",
    }
    return kept | _COLLECTION | ours


@contextlib.contextmanager
def _started(command: Command) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - the arguments are a list of our own, no shell reads them
        as_invoker(command.arguments),
        env={**command.environment, **identity()},
        cwd=command.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    with process:
        try:
            yield process
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[str]) -> None:
    # Ctrl-C has reached the program as well, so that it may be clearing up already: let it finish.
    process.terminate()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _read(stream: Iterator[str] | None, take: Callable[[str], object]) -> None:
    for line in stream or ():
        take(line)


def _both(first: Callable[[str], object], second: Callable[[str], object]) -> Callable[[str], None]:
    def take(line: str) -> None:
        first(line)
        second(line.rstrip(os.linesep))

    return take
