"""A Cloud Firewall's rules as the kernel follows them, between namespaces that stand for a cluster's neighbours.

No Kubernetes: an own wire, a node with servers, and everybody who may want to reach it.
"""

from __future__ import annotations

import subprocess
import sys
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import pytest

from sandbox.clusters.host.subprocesses import inside
from sandbox.clusters.network.firewall import Neighbours, firewall_rules
from sandbox.clusters.network.links import (
    attach,
    attach_balancer,
    batch,
    delete_namespace,
    ensure_wan,
    load_rules,
    set_routes,
    sysctl,
)
from sandbox.clusters.network.plan import NODES_ROUTER, PODS, node_pods, private_address
from sandbox.linode.backend import Action, Firewall, FirewallRule, FirewallRules
from tests.e2e.clients import eventually
from tests.e2e.names import own

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.privileged

NODE, SIBLING, STRANGER = (IPv4Address(f"198.51.100.{host}") for host in (10, 11, 12))
PLANE, BALANCER = IPv4Address("192.0.2.10"), IPv4Address("203.0.113.10")
POD, OTHER_POD = node_pods(0)[5], node_pods(1)[5]
SSH, KUBELET, WEB, NODE_PORT = 22, 10250, 8080, 30080
LKE: Final = "192.168.128.0/17"
ANYWHERE: Final = "0.0.0.0/0"

# Answers every line of every client with the line, until it is killed.
_SERVER: Final = """
import socketserver, sys, threading

class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True

servers = [Server(("0.0.0.0", int(port)), Echo) for port in sys.argv[1:]]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
print("listening", flush=True)
"""
_CLIENT: Final = """
import socket, sys

address, port, source = sys.argv[1:]
connection = socket.create_connection((address, int(port)), timeout=1, source_address=(source, 0) if source else None)
for line in sys.stdin:
    connection.sendall(line.encode())
    print(connection.recv(100).decode(), end="", flush=True)
"""


def accept(protocol: str, *networks: str, ports: str | None = None) -> FirewallRule:
    return FirewallRule(action=Action.ACCEPT, protocol=protocol, ports=ports, networks=networks)


# https://techdocs.akamai.com/cloud-computing/docs/lke-network-firewall-details, and IPENCAP, which Linode's own
# cloud-firewall-controller adds.
DOCUMENTED: Final = (
    accept("TCP", LKE, ports="10250,10256"),
    accept("UDP", LKE, ports="51820"),
    accept("TCP", LKE, ports="53"),
    accept("UDP", LKE, ports="53"),
    accept("TCP", LKE, ports="179"),
    accept("IPENCAP", LKE),
    accept("TCP", "192.168.255.0/24", ports="30000-32767"),
    accept("UDP", "192.168.255.0/24", ports="30000-32767"),
)
OPEN: Final = FirewallRules(rules=(), policy=Action.ACCEPT)
CLOSED: Final = FirewallRules(rules=(), policy=Action.DROP)


def command(namespace: str, script: str, *arguments: object) -> list[str]:
    return inside(namespace, [sys.executable, "-c", script, *(str(argument) for argument in arguments)])


class Wire:
    """A node that listens, and its neighbours."""

    def __init__(self) -> None:
        self._layout = own("door")
        self.wan = self._layout.wan
        self.node, self.sibling, self.stranger, self.balancer = (
            self._layout.node(name) for name in ("node", "sibling", "stranger", "balancer")
        )
        self.plane = self._layout.control_plane(1)
        self._processes: list[subprocess.Popen[str]] = []

    def lay(self) -> None:
        """Make everything."""
        ensure_wan(self.wan)
        for namespace, address in {
            self.node: NODE,
            self.sibling: SIBLING,
            self.stranger: STRANGER,
            self.plane: PLANE,
        }.items():
            attach(namespace, address=address, wan=self.wan)
        attach_balancer(self.balancer, address=BALANCER, wan=self.wan)
        pods = {node_pods(0): (self.node, NODE, POD), node_pods(1): (self.sibling, SIBLING, OTHER_POD)}
        for own_pods, (namespace, _, pod) in pods.items():
            batch(namespace, f"address replace {pod}/32 dev lo")
            sysctl(namespace, {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.eth0.rp_filter": 0})
            ways = {network: address for network, (_, address, _) in pods.items() if network != own_pods}
            set_routes(namespace, ways, within=[PODS])
        set_routes(self.plane, {node_pods(0): NODE}, within=[PODS])
        # What kube-proxy does for a node port, at its place.
        translation = "type nat hook prerouting priority dstnat; policy accept;"
        rule = f"tcp dport {NODE_PORT} redirect to :{WEB}"
        load_rules(self.node, f"table ip proxy {{ chain translate {{ {translation} {rule}; }}; }}")
        for namespace in (self.node, self.stranger):
            server = self._start(namespace, _SERVER, SSH, KUBELET, WEB)
            assert server.stdout is not None
            assert server.stdout.readline() == "listening\n"

    def remove(self) -> None:
        """Leave nothing."""
        for process in self._processes:
            process.kill()
            process.communicate()
        for namespace in self._layout.namespaces():
            delete_namespace(namespace)

    def guard(self, firewall: Firewall | None) -> None:
        """Put a firewall in front of the node."""
        neighbours = Neighbours(control_plane=PLANE, nodes={node_pods(1): SIBLING})
        load_rules(self.node, firewall_rules(firewall, neighbours))

    def reaches(self, namespace: str, address: IPv4Address, port: int, *, source: IPv4Address | None = None) -> bool:
        """Whether somebody gets an answer; a packet that is dropped is waited for, for a second."""
        line = command(namespace, _CLIENT, address, port, source or "")
        done = subprocess.run(line, input="hello\n", capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0 or "timed out" in done.stderr, f"dropped, and not refused: {done.stderr}"
        return done.stdout == "hello\n"

    def connected(self, namespace: str, address: IPv4Address, port: int) -> subprocess.Popen[str]:
        """A client that stays connected, and sends what it is told."""
        process = self._start(namespace, _CLIENT, address, port, "")
        assert say(process, "first") == "first"
        return process

    def _start(self, namespace: str, script: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(namespace, script, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._processes.append(process)
        return process


def say(process: subprocess.Popen[str], word: str) -> str:
    """What a connected client hears when it says a word."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


@pytest.fixture(scope="module")
def laid() -> Iterator[Wire]:
    wire = Wire()
    wire.remove()  # what a killed run left
    try:
        wire.lay()
        yield wire
    finally:
        wire.remove()


@pytest.fixture
def wire(laid: Wire) -> Iterator[Wire]:
    """The wire, with no firewall at the node."""
    laid.guard(None)
    yield laid
    laid.guard(None)


def test_with_no_firewall_everybody_reaches_the_node(wire: Wire) -> None:
    for namespace in (wire.wan, wire.stranger, wire.sibling, wire.plane):
        assert wire.reaches(namespace, NODE, SSH)
        assert wire.reaches(namespace, NODE, NODE_PORT)
    assert wire.reaches(wire.balancer, NODE, NODE_PORT, source=private_address(BALANCER))


def test_a_node_that_drops_everything_is_lost_to_its_own_cluster(wire: Wire) -> None:
    wire.guard(Firewall(inbound=CLOSED, outbound=OPEN))
    assert not wire.reaches(wire.plane, NODE, KUBELET), "no logs, no exec"
    assert not wire.reaches(wire.plane, POD, WEB), "no webhooks, no aggregated APIs"
    assert not wire.reaches(wire.sibling, POD, WEB, source=OTHER_POD), "no DNS on another node"
    assert not wire.reaches(wire.balancer, NODE, NODE_PORT, source=private_address(BALANCER)), "no NodeBalancers"
    assert wire.reaches(wire.node, STRANGER, SSH), "the way out is open, and answers come back"


def test_lkes_documented_rules_are_what_a_cluster_needs_and_let_nobody_else_in(wire: Wire) -> None:
    wire.guard(Firewall(inbound=FirewallRules(rules=DOCUMENTED, policy=Action.DROP), outbound=OPEN))
    assert wire.reaches(wire.plane, NODE, KUBELET)
    assert wire.reaches(wire.plane, POD, WEB)
    assert wire.reaches(wire.sibling, POD, WEB, source=OTHER_POD)
    assert wire.reaches(wire.balancer, NODE, NODE_PORT, source=private_address(BALANCER))
    assert not wire.reaches(wire.plane, NODE, SSH)
    for namespace in (wire.wan, wire.stranger):
        assert not any(wire.reaches(namespace, NODE, port) for port in (SSH, KUBELET, NODE_PORT))
    assert not wire.reaches(wire.sibling, NODE, NODE_PORT), "NodeBalancers have the node ports to themselves"


def test_a_node_port_is_opened_by_its_own_number_to_those_who_are_named(wire: Wire) -> None:
    def guard(ports: int) -> None:
        door = accept("TCP", f"{STRANGER}/32", ports=str(ports))
        wire.guard(Firewall(inbound=FirewallRules(rules=(door,), policy=Action.DROP), outbound=OPEN))

    guard(NODE_PORT)
    assert wire.reaches(wire.stranger, NODE, NODE_PORT)
    assert not wire.reaches(wire.stranger, NODE, WEB)
    assert not wire.reaches(wire.wan, NODE, NODE_PORT)
    guard(WEB)
    assert not wire.reaches(wire.stranger, NODE, NODE_PORT), "what it is translated to is not what was sent"


def test_a_client_inside_the_sandbox_comes_from_the_routers_address(wire: Wire) -> None:
    door = accept("TCP", f"{NODES_ROUTER}/32", ports=str(NODE_PORT))
    wire.guard(Firewall(inbound=FirewallRules(rules=(door,), policy=Action.DROP), outbound=OPEN))
    assert wire.reaches(wire.wan, NODE, NODE_PORT)


def test_the_first_rule_that_fits_decides(wire: Wire) -> None:
    refuse = FirewallRule(action=Action.DROP, protocol="TCP", ports="22", networks=(f"{STRANGER}/32",))
    admit = accept("TCP", ANYWHERE, ports="22")
    for rules, reached in (((refuse, admit), False), ((admit, refuse), True)):
        wire.guard(Firewall(inbound=FirewallRules(rules=rules, policy=Action.ACCEPT), outbound=OPEN))
        assert wire.reaches(wire.stranger, NODE, SSH) is reached
        assert wire.reaches(wire.wan, NODE, SSH)


def test_what_leaves_is_filtered_by_where_it_goes(wire: Wire) -> None:
    ssh = accept("TCP", f"{STRANGER}/32", ports="22")
    wire.guard(Firewall(inbound=OPEN, outbound=FirewallRules(rules=(ssh,), policy=Action.DROP)))
    assert wire.reaches(wire.node, STRANGER, SSH)
    assert not wire.reaches(wire.node, STRANGER, KUBELET)
    assert wire.reaches(wire.stranger, NODE, KUBELET), "answers leave without a rule of their own"


def test_a_connection_that_stands_goes_on_and_no_new_one_comes(wire: Wire) -> None:
    standing = wire.connected(wire.stranger, NODE, SSH)
    wire.guard(Firewall(inbound=CLOSED, outbound=CLOSED))
    assert say(standing, "again") == "again"
    assert not wire.reaches(wire.stranger, NODE, SSH)


def test_a_firewall_that_goes_leaves_the_node_open(wire: Wire) -> None:
    wire.guard(Firewall(inbound=CLOSED, outbound=CLOSED))
    assert not wire.reaches(wire.wan, NODE, SSH)
    wire.guard(None)
    eventually(lambda: wire.reaches(wire.wan, NODE, SSH), "the node is open", within_seconds=5)
