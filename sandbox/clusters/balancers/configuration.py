"""What an HAProxy is told about its NodeBalancer, as text (https://docs.haproxy.org/2.6/configuration.html).

What Linode says of each setting: https://techdocs.akamai.com/cloud-computing/docs/configuration-options-for-nodebalancers
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address
    from pathlib import Path

    from sandbox.linode.balancers import BalancerSpec, CheckSpec, PortSpec, TargetSpec

SERVED: Final = frozenset({"tcp", "http"})
"""Protocols that are carried. HAProxy has no UDP, and the emulated account keeps no certificates for HTTPS."""
_MOST_CONNECTIONS: Final = 10_000
"""At once, as at Linode: https://www.linode.com/blog/linode/nodebalancer-concurrent-connections/"""
_OLD_PROCESSES: Final = 10
_NOBODY: Final = 65534
_THROTTLE: Final = "throttle"
_ALGORITHMS: Final = {"roundrobin": "roundrobin", "leastconn": "leastconn", "source": "source", "ring_hash": "source"}
_PROXY_PROTOCOLS: Final = {"none": [], "v1": ["send-proxy"], "v2": ["send-proxy-v2"]}
_COOKIE: Final = "NB_SRVID"


def configuration(balancer: BalancerSpec, *, source: IPv4Address, socket: Path, servers: Path) -> str:
    """The whole file.

    Args:
        balancer: what the account has.
        source: the address from which backends are called.
        socket: where the process takes commands.
        servers: the file of what an earlier process knew of the backends.

    """
    return "\n".join(
        [
            *_head(socket, servers),
            *_throttle(balancer),
            *(line for port in served(balancer) for line in _port(port, balancer, source)),
            "",
        ]
    )


def served(balancer: BalancerSpec) -> list[PortSpec]:
    """The ports that are carried."""
    return [port for port in balancer.ports if port.protocol in SERVED]


def port_name(port: int) -> str:
    """What a port is called."""
    return f"port{port}"


def _head(socket: Path, servers: Path) -> list[str]:
    return [
        "global",
        f"  uid {_NOBODY}",
        f"  gid {_NOBODY}",
        "  nbthread 1",
        f"  maxconn {_MOST_CONNECTIONS}",
        # A host that allows fewer open files is no reason not to start.
        "  no strict-limits",
        f"  stats socket {socket} mode 600 level admin expose-fd listeners",
        f"  server-state-file {servers}",
        # After a change the process before carries on what it has; so many are kept before the oldest has to end.
        f"  mworker-max-reloads {_OLD_PROCESSES}",
        "defaults",
        "  timeout connect 5s",
        # A NodeBalancer is no reason for a quiet connection to end: whoever holds it open decides.
        "  timeout client 24h",
        "  timeout server 24h",
        "  timeout http-request 10s",
        "  retries 2",
        "  option redispatch",
        "  option splice-auto",
        "  load-server-state-from-file global",
    ]


def _throttle(balancer: BalancerSpec) -> Iterator[str]:
    if balancer.connections_a_second:
        yield f"backend {_THROTTLE}"
        yield "  stick-table type ip size 100k expire 10s store conn_rate(1s)"


def _port(port: PortSpec, balancer: BalancerSpec, source: IPv4Address) -> Iterator[str]:
    yield f"listen {port_name(port.port)}"
    yield f"  bind {balancer.address}:{port.port}"
    yield f"  mode {port.protocol}"
    if balancer.connections_a_second:
        # One count for all ports, as the setting is the NodeBalancer's and not a port's.
        yield f"  tcp-request connection track-sc0 src table {_THROTTLE}"
        yield f"  tcp-request connection reject if {{ sc0_conn_rate({_THROTTLE}) gt {balancer.connections_a_second} }}"
    if port.protocol == "http":
        # Linode forces keep-alive off.
        yield "  option httpclose"
        yield "  option forwardfor"
        yield "  http-request set-header X-Forwarded-Proto http"
    yield f"  balance {_ALGORITHMS[port.algorithm]}"
    yield from _stickiness(port)
    yield from _check(port.check)
    for number, target in enumerate(port.targets):
        yield f"  server {' '.join(_server(number, target, port, source))}"


def _stickiness(port: PortSpec) -> Iterator[str]:
    if port.stickiness == "table":
        yield "  stick-table type ip size 100k expire 30m"
        yield "  stick on src"
    elif port.stickiness == "http_cookie" and port.protocol == "http":
        yield f"  cookie {_COOKIE} insert indirect nocache"


def _check(check: CheckSpec) -> Iterator[str]:
    if check.kind == "none":
        return
    yield f"  timeout check {check.timeout}s"
    if check.kind in ("http", "http_body"):
        yield "  option httpchk"
        yield f"  http-check send meth GET uri {quoted(check.path or '/')}"
        yield "  http-check expect status 200-399"
    if check.kind == "http_body":
        yield f"  http-check expect string {quoted(check.body)}"


def _server(number: int, target: TargetSpec, port: PortSpec, source: IPv4Address) -> Iterator[str]:
    # By address: the state that is handed on to the next process is found by the name.
    yield server_name(target.address)
    yield target.address
    yield f"source {source}"
    yield f"weight {0 if target.mode == 'drain' else target.weight}"
    if target.mode == "backup":
        yield "backup"
    elif target.mode == "reject":
        yield "disabled"
    if port.stickiness == "http_cookie" and port.protocol == "http":
        yield f"cookie {number}"
    if port.protocol == "tcp":
        yield from _PROXY_PROTOCOLS[port.proxy_protocol]
    if port.check.kind != "none":
        yield f"check inter {port.check.interval}s fall {port.check.attempts} rise 1"
        if port.check.passive:
            # Of HTTP an answer with 5xx, of TCP a connection that fails.
            layer = "layer7" if port.protocol == "http" else "layer4"
            yield f"observe {layer} error-limit {port.check.attempts} on-error mark-down"


def server_name(address: str) -> str:
    """What a backend is called."""
    return address.replace(":", "_")


def quoted(text: str) -> str:
    """Any text as one word of HAProxy's, whatever characters are in it."""
    return "".join(
        character if character.isascii() and (character.isalnum() or character in "-._~/") else escaped
        for character in text
        for escaped in ["".join(f"\\x{byte:02x}" for byte in character.encode())]
    )
