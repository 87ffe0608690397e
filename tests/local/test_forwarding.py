"""Connections from the loopback, carried on."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sandbox.local.forwarding import Forward, ForwardError, serve


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read()).upper())
    await writer.drain()
    writer.close()


async def _ask(port: int, question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), timeout=10)
    writer.close()
    await writer.wait_closed()
    return answer


def test_what_is_sent_arrives_and_what_is_answered_comes_back() -> None:
    async def scenario() -> bytes:
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        forward = Forward(local=0, host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        listener = forward.listen()
        carrying = asyncio.create_task(serve(forward, listener))
        try:
            return await _ask(listener.getsockname()[1], b"question")
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
            server.close()
            await server.wait_closed()

    assert asyncio.run(scenario()) == b"QUESTION"


@pytest.mark.parametrize(
    ("text", "forward"),
    [
        ("8080:203.0.113.10:80", Forward(local=8080, host="203.0.113.10", port=80)),
        ("203.0.113.10:80", Forward(local=80, host="203.0.113.10", port=80)),
    ],
)
def test_a_forward_is_read(text: str, forward: Forward) -> None:
    assert Forward.parse(text) == forward


@pytest.mark.parametrize("text", ["", "80", "a:b", "1:2:3:4", "203.0.113.10:70000", "70000:203.0.113.10:80"])
def test_what_is_no_forward_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ForwardError, match=r"8080:203\.0\.113\.10:80"):
        Forward.parse(text)


def test_a_taken_port_is_told_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ForwardError, match=f"Port {port} of 127.0.0.1 cannot be used"):
            Forward(local=port, host="203.0.113.10", port=80).listen()
