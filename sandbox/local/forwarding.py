"""Carries connections from the host's loopback to an address inside a sandbox, for a browser or an IDE."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from dataclasses import dataclass
from typing import Final

from sandbox.errors import SandboxError

_MAPPING: Final = re.compile(r"(?:(?P<local>\d{1,5}):)?(?P<host>[\w.-]+):(?P<port>\d{1,5})")
_CHUNK_BYTES: Final = 64 * 1024


class ForwardError(SandboxError):
    """A forward cannot be set up."""


@dataclass(frozen=True, kw_only=True)
class Forward:
    """A port of the host's loopback, and where it leads."""

    local: int
    """0 takes any free port."""
    host: str
    port: int

    @staticmethod
    def parse(text: str) -> Forward:
        """What `LOCAL:ADDRESS:PORT` or `ADDRESS:PORT` says. Raises ForwardError."""
        match = _MAPPING.fullmatch(text)
        if match is None or int(match["port"]) > 65535 or int(match["local"] or 0) > 65535:
            raise ForwardError(
                what=f"{text!r} is no forward",
                why="it is neither LOCAL-PORT:ADDRESS:PORT nor ADDRESS:PORT",
                remedy="Write for example 8080:203.0.113.10:80",
            )
        return Forward(local=int(match["local"] or match["port"]), host=match["host"], port=int(match["port"]))

    def listen(self) -> socket.socket:
        """A socket that listens on the loopback of the network that the caller is in now. Raises ForwardError."""
        try:
            return socket.create_server(("127.0.0.1", self.local))
        except OSError as error:
            raise ForwardError(
                what=f"Port {self.local} of 127.0.0.1 cannot be used",
                why=error.strerror or str(error),
                remedy=f"Choose another: OTHER-PORT:{self.host}:{self.port}",
            ) from error


async def serve(forward: Forward, listener: socket.socket) -> None:
    """Carry every connection that comes in, until cancelled. New connections leave from the caller's network."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with contextlib.AsyncExitStack() as ends:
            ends.push_async_callback(_close, writer)
            try:
                onward_reader, onward_writer = await asyncio.open_connection(forward.host, forward.port)
            except OSError:
                return
            ends.push_async_callback(_close, onward_writer)
            await asyncio.gather(_pump(reader, onward_writer), _pump(onward_reader, writer))

    server = await asyncio.start_server(carry, sock=listener)
    async with server:
        await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on all that comes, then say that nothing more will; the other direction goes on."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
