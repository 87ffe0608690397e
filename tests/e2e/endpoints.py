"""What stands behind a NodeBalancer and before it, run as programs in namespaces of their own.

serve NAME PORT HEALTH: says who it is and who calls, over lines and over HTTP; what the file HEALTH holds is the HTTP
    status of /healthz.
hold ADDRESS PORT: one connection, a line sent and answered for each line of standard input.
measure ADDRESS PORT COUNT: the median seconds of a new connection with an answer, and of an answer on one that is open.
call ADDRESS PORT COUNT: as many connections one after the other, an answer or a failure printed for each.
"""

from __future__ import annotations

import json
import socket
import socketserver
import statistics
import sys
import time
from pathlib import Path
from typing import Final

_TIMEOUT_SECONDS: Final = 5.0


class Answerer(socketserver.StreamRequestHandler):
    """Answers one connection."""

    name: str
    health: Path

    def handle(self) -> None:
        """Every line is answered; an HTTP request is answered once."""
        said = {"node": self.name, "peer": self.client_address[0]}
        while line := self.rfile.readline():
            text = line.strip().decode(errors="replace")
            if text.startswith("PROXY ") or line == b"\r\n":  # the second is how the header of version 2 begins
                said["proxy"] = text or self._version_2()
            elif text.startswith("GET "):
                self._http(text.split()[1], said)
                return
            else:
                self.wfile.write(json.dumps({**said, "line": text}).encode() + b"\n")

    def _version_2(self) -> str:
        # https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, 2.2: the rest of the signature, then 4 octets.
        self.rfile.read(10 + 2)
        length = int.from_bytes(self.rfile.read(2))
        source = self.rfile.read(length)[:4]
        return f"version 2 from {socket.inet_ntoa(source)}"

    def _http(self, path: str, said: dict[str, str]) -> None:
        headers = {}
        while line := self.rfile.readline().strip().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = self.health.read_text() if path == "/healthz" else "200"
        body = json.dumps({**said, **headers}).encode()
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + body)


class Server(socketserver.ThreadingTCPServer):
    """A thread for each connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def serve(name: str, port: str, health: str) -> None:
    """Serve until killed."""
    Answerer.name, Answerer.health = name, Path(health)
    with Server(("0.0.0.0", int(port)), Answerer) as server:
        server.serve_forever()


def hold(address: str, port: str) -> None:
    """Until standard input ends."""
    with socket.create_connection((address, int(port)), _TIMEOUT_SECONDS) as connection:
        file = connection.makefile("rw")
        for line in sys.stdin:
            file.write(line)
            file.flush()
            print(file.readline().strip() or "closed", flush=True)


def call(address: str, port: str, count: str) -> None:
    """One after the other."""
    for number in range(int(count)):
        try:
            with socket.create_connection((address, int(port)), _TIMEOUT_SECONDS) as connection:
                connection.sendall(f"call {number}\n".encode())
                answer = connection.makefile("r").readline().strip()
                print(answer or '{"failed": "closed"}', flush=True)
        except OSError as error:
            print(json.dumps({"failed": type(error).__name__}), flush=True)


def measure(address: str, port: str, count: str) -> None:
    """Print both as JSON."""
    new = []
    for _ in range(int(count)):
        begin = time.perf_counter()
        with socket.create_connection((address, int(port)), _TIMEOUT_SECONDS) as connection:
            connection.sendall(b"hello\n")
            connection.recv(1024)
        new.append(time.perf_counter() - begin)
    same = []
    with socket.create_connection((address, int(port)), _TIMEOUT_SECONDS) as connection:
        for _ in range(int(count)):
            begin = time.perf_counter()
            connection.sendall(b"hello\n")
            connection.recv(1024)
            same.append(time.perf_counter() - begin)
    print(json.dumps({"new": statistics.median(new), "same": statistics.median(same)}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", *arguments]:
            serve(*arguments)
        case ["hold", *arguments]:
            hold(*arguments)
        case ["measure", *arguments]:
            measure(*arguments)
        case ["call", *arguments]:
            call(*arguments)
