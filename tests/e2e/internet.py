"""The sandbox's internet with nodes that answer and real NodeBalancers, for tests that need no cluster."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from sandbox.clusters.host.subprocesses import inside, run
from tests.e2e import endpoints

if TYPE_CHECKING:
    from linode_api4 import LinodeClient, NodeBalancer

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.supervision import Supervisor


NODES = {"one": IPv4Address("198.51.100.10"), "two": IPv4Address("198.51.100.11")}


NODE_PORT = 30080


SECONDS = 30.0


@dataclass
class Internet:
    """The sandbox's internet with two nodes that answer, and the account whose NodeBalancers are on it."""

    layout: Layout
    account: LinodeClient
    supervisor: Supervisor
    servers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def serve(self, node: str) -> None:
        """Have a node answer."""
        (self.layout.root / node).write_text("200")
        line = [*program("serve"), node, str(NODE_PORT), str(self.layout.root / node)]
        self.servers[node] = subprocess.Popen(inside(self.layout.node(node), line))

    def silence(self, node: str) -> None:
        """Have a node answer no more."""
        server = self.servers.pop(node)
        server.kill()
        server.wait()

    def call(self, balancer: NodeBalancer | str, port: int = 80, *, count: int = 1) -> list[dict[str, str]]:
        """What a client is told, connection by connection."""
        to = balancer if isinstance(balancer, str) else address(balancer)
        line = [*program("call"), to, str(port), str(count)]
        return [json.loads(text) for text in run(*inside(self.layout.wan, line)).splitlines()]

    def http(self, balancer: NodeBalancer, path: str = "/") -> dict[str, str]:
        """What an HTTP client is told."""
        url = f"http://{address(balancer)}{path}"
        answer: dict[str, str] = json.loads(run(*inside(self.layout.wan, ["curl", "-sS", "-m", "5", url])))
        return answer

    def names(self, balancer: NodeBalancer, port: int = 80, *, count: int = 6) -> set[str]:
        """The nodes that answer."""
        return {answer.get("node", "nobody") for answer in self.call(balancer, port, count=count)}

    def balancer(self, **config: Any) -> NodeBalancer:
        """A new NodeBalancer with one port, and both nodes behind it, once it answers."""
        backends = [{"label": f"node-{name}", "address": f"{ip}:{NODE_PORT}"} for name, ip in NODES.items()]
        made = self.account.nodebalancer_create(
            "eu-west", configs=[{"port": 80, "protocol": "tcp", "nodes": backends, **config}]
        )
        folder = self.layout.balancers / str(made.id)
        until(lambda: (folder / "loaded").exists() and self._bound(made), "it listens")
        return made

    def _bound(self, balancer: NodeBalancer) -> bool:
        listening = run(*inside(self.layout.balancer(balancer.id), ["ss", "-Hltn"]))
        return f"{address(balancer)}:" in listening


def program(what: str) -> list[str]:
    """What runs one of the endpoints."""
    return [sys.executable, endpoints.__file__, what]


def address(balancer: NodeBalancer) -> str:
    """Its public address."""
    return str(balancer.ipv4 if isinstance(balancer.ipv4, str) else balancer.ipv4.address)


def until(claim: Any, what: str, *, within_seconds: float = SECONDS) -> None:
    """Return when a claim holds."""
    deadline = time.monotonic() + within_seconds
    while not claim():
        assert time.monotonic() < deadline, f"not within {within_seconds:.0f} s: {what}"
        time.sleep(0.05)
