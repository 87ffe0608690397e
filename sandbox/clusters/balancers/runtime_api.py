"""What a running HAProxy is asked and told, by its socket (https://docs.haproxy.org/2.6/management.html#9.3)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT_SECONDS: Final = 5.0
_CHUNK_BYTES: Final = 64 * 1024
_RUNNING: Final = "2"
"""Of srv_op_state, in what `show servers state` tells."""
NOTHING_KNOWN: Final = "1\n"
"""A server state file with the version of its format and nothing else."""


def tell(path: Path, *commands: str) -> str:
    """What a process answers to commands. Raises OSError if it does not."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_TIMEOUT_SECONDS)
        connection.connect(str(path))
        connection.sendall(f"{';'.join(commands)}\n".encode())
        answer = b""
        while chunk := connection.recv(_CHUNK_BYTES):
            answer += chunk
    return answer.decode()


def worker(path: Path) -> str:
    """The number of the process that has the socket now, as text. Raises OSError."""
    facts = dict(line.split(": ", 1) for line in tell(path, "show info").splitlines() if ": " in line)
    return facts["Pid"]


def server_states(path: Path) -> str:
    """What the process knows of its backends, for the next one. Raises OSError."""
    return tell(path, "show servers state")


def running_servers(states: str) -> frozenset[tuple[str, str]]:
    """The names of proxy and server of each backend that takes connections, of what `server_states` gave."""
    rows = [line.split(" ") for line in states.splitlines() if line and not line.startswith("#")]
    return frozenset((row[1], row[3]) for row in rows if len(row) > 5 and row[5] == _RUNNING)


def proxies(path: Path) -> set[str]:
    """The names of what listens. Raises OSError."""
    rows = [line.split(",") for line in tell(path, "show stat -1 1 -1").splitlines() if line and line[0] != "#"]
    return {row[0] for row in rows}


def end_port(path: Path, proxy: str) -> None:
    """Close a port, and cut the connections that came in by it rather than let them come to their end.

    Raises OSError if the process does not answer.
    """
    # In this order, so that none comes in between. A closed one no longer ends its connections by one command.
    tell(path, f"shutdown frontend {proxy}")
    rows = [line.split(" ") for line in tell(path, "show sess").splitlines()]
    for row in rows:
        if f"fe={proxy}" in row:
            tell(path, f"shutdown session {row[0].rstrip(':')}")
