"""A process whose output is passed on line by line, as the engine wants that of installs and plugins."""

from __future__ import annotations

import enum
import queue
import shlex
import subprocess
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class Stream(enum.Enum):
    """Where a line was written."""

    STDOUT = "stdout"
    STDERR = "stderr"


class StreamedProcess:
    """A process that runs from here on until it ends or is stopped."""

    def __init__(self, command: Sequence[str | Path], *, directory: Path, variables: Mapping[str, str]) -> None:
        """Start the command. Raises OSError if it cannot be started."""
        self._process = subprocess.Popen(  # noqa: S603 - commands are ours, over the project's interpreter
            command,
            cwd=directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def lines(self) -> Iterator[tuple[Stream, bytes]]:
        """Each line as it is written, until both streams end."""
        lines: queue.SimpleQueue[tuple[Stream, bytes] | None] = queue.SimpleQueue()
        sources = ((Stream.STDOUT, self._process.stdout), (Stream.STDERR, self._process.stderr))
        for stream, pipe in sources:
            threading.Thread(target=_forward, args=(stream, pipe, lines), daemon=True).start()
        ended = 0
        while ended < len(sources):
            line = lines.get()
            if line is None:
                ended += 1
            else:
                yield line

    def stop(self) -> None:
        """Ask the process to end."""
        self._process.terminate()

    def wait(self) -> int:
        """The exit status, once the process has ended."""
        return self._process.wait()


def said(command: Sequence[str], *, directory: Path, variables: Mapping[str, str]) -> str:
    """What a process prints that ends by itself. Raises OSError if it cannot be started, or fails."""
    process = StreamedProcess(command, directory=directory, variables=variables)
    lines = list(process.lines())
    if status := process.wait():
        told = b"".join(line for _, line in lines).decode(errors="replace").strip()
        raise OSError(f"`{shlex.join(command)}` ended with status {status}: {told}")
    return b"".join(line for stream, line in lines if stream is Stream.STDOUT).decode()


def _forward(
    stream: Stream,
    pipe: IO[bytes] | None,
    lines: queue.SimpleQueue[tuple[Stream, bytes] | None],
) -> None:
    if pipe is not None:
        with pipe:
            for line in pipe:
                lines.put((stream, line))
    lines.put(None)
