"""Network namespaces and the links between them. Everything here may be repeated, and mends what is half there."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

from sandbox.clusters.host.layout import namespace_path
from sandbox.clusters.host.subprocesses import CommandError, inside, run
from sandbox.clusters.network.plan import (
    BALANCERS,
    NODES,
    NODES_ROUTER,
    PRIVATE_BALANCERS,
    SERVERS,
    SERVERS_ROUTER,
    hardware_address,
    interface,
    private_address,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Address

BRIDGE: Final = "wan0"
UPLINK: Final = "eth0"

_ROUTER_RULES: Final = """
table inet fleet
delete table inet fleet
table inet fleet {
  chain forward {
    type filter hook forward priority filter; policy accept;
    # Private addresses mean another thing in every cluster, so none crosses the internet.
    ip saddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } counter drop
    ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } counter reject with icmp net-unreachable
  }
}
"""


def ensure_namespace(namespace: str) -> None:
    """Make a namespace with a loopback interface. Raises CommandError if it cannot be made."""
    if not namespace_path(namespace).exists():
        run("ip", "netns", "add", namespace)
    run("ip", "-n", namespace, "link", "set", "lo", "up")


def delete_namespace(namespace: str) -> None:
    """Remove a namespace and every link to it; none there is no mistake."""
    if not namespace_path(namespace).exists():
        return
    run("ip", "netns", "delete", namespace)


def ensure_wan(namespace: str) -> None:
    """Make the namespace that stands for the internet: a bridge and the router of all ranges.

    It has no link to the host and no default route: whatever is not in the sandbox is unreachable at once. Raises
    CommandError if it cannot be made.
    """
    ensure_namespace(namespace)
    if BRIDGE not in _interfaces(namespace):
        run("ip", "-n", namespace, "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
    batch(
        namespace,
        f"address replace {SERVERS_ROUTER}/{SERVERS.prefixlen} dev {BRIDGE}",
        f"address replace {NODES_ROUTER}/{NODES.prefixlen} dev {BRIDGE}",
        f"link set {BRIDGE} up",
        # What no NodeBalancer has is refused at once rather than sent in circles.
        f"route replace unreachable {BALANCERS} metric 4096",
    )
    # Redirects would teach nodes short cuts past the router that addresses of balancers do not have.
    sysctl(namespace, {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.send_redirects": 0})
    # Where br_netfilter is loaded, it would hold what passes on the wire to the router's rules.
    sysctl(namespace, {"net.bridge.bridge-nf-call-iptables": 0})
    load_rules(namespace, _ROUTER_RULES)


def attach(namespace: str, *, address: IPv4Address, wan: str) -> None:
    """Put a namespace on the internet under a public address. Raises CommandError if it cannot be done."""
    _plug_in(namespace, address=address, wan=wan)
    own, other, router = (SERVERS, NODES, SERVERS_ROUTER) if address in SERVERS else (NODES, SERVERS, NODES_ROUTER)
    batch(
        namespace,
        f"address replace {address}/{own.prefixlen} dev {UPLINK}",
        f"link set {UPLINK} up",
        # Both ranges are on one wire: API servers and nodes know each other by their Ethernet addresses.
        f"route replace {other} dev {UPLINK}",
        # So are NodeBalancers: a private address crosses no router.
        *([f"route replace {PRIVATE_BALANCERS} dev {UPLINK}"] if address in NODES else []),
        f"route replace default via {router}",
    )


def attach_balancer(namespace: str, *, address: IPv4Address, wan: str) -> None:
    """Put a namespace on the internet under a NodeBalancer's address, and on its nodes' wire under a private one.

    Raises CommandError if it cannot be done.
    """
    _plug_in(namespace, address=address, wan=wan)
    batch(
        namespace,
        f"address replace {address}/32 dev {UPLINK}",
        f"address replace {private_address(address)}/{PRIVATE_BALANCERS.prefixlen} dev {UPLINK}",
        f"link set {UPLINK} up",
        *(f"route replace {other} dev {UPLINK} src {address}" for other in (SERVERS, NODES)),
        f"route replace default via {SERVERS_ROUTER} src {address}",
    )


def route_balancer(wan: str, address: IPv4Address) -> None:
    """Let what is meant for a balancer's address reach its namespace. Raises CommandError if it cannot be done."""
    batch(wan, f"route replace {address}/32 dev {BRIDGE}")


def forget_balancer(wan: str, address: IPv4Address) -> None:
    """Refuse what is meant for a balancer's address from now on; nothing to forget is no mistake."""
    if run("ip", "-n", wan, "route", "show", "exact", f"{address}/32").strip():
        run("ip", "-n", wan, "route", "delete", f"{address}/32")


def _plug_in(namespace: str, *, address: IPv4Address, wan: str) -> None:
    """Make a namespace with a link to the bridge."""
    ensure_namespace(namespace)
    port = interface(address)
    if UPLINK not in _interfaces(namespace):
        # A link whose other end was lost is in the way of the new one.
        if port in _interfaces(wan):
            run("ip", "-n", wan, "link", "delete", port)
        hardware = hardware_address(address)
        run(
            *("ip", "-n", wan, "link", "add", port, "type", "veth"),
            *("peer", "name", UPLINK, "address", hardware, "netns", namespace),
        )
    batch(wan, f"link set {port} master {BRIDGE} up")


def set_routes(namespace: str, wanted: Mapping[IPv4Network, IPv4Address], within: Iterable[IPv4Network]) -> None:
    """Make these the routes into some ranges, each by its gateway, and remove all others into them.

    Raises CommandError if it cannot be done.
    """
    ranges = list(within)
    for route in json.loads(run("ip", "-n", namespace, "-j", "route", "show", "table", "main")):
        if route["dst"] == "default" or "gateway" not in route:
            continue
        network = IPv4Network(route["dst"])
        if network not in wanted and any(network.subnet_of(outer) for outer in ranges):
            run("ip", "-n", namespace, "route", "delete", str(network))
    batch(namespace, *(f"route replace {network} via {gateway}" for network, gateway in wanted.items()))


def batch(namespace: str, *lines: str) -> None:
    """Run several commands of ip(8) in a namespace at once."""
    if lines:
        run("ip", "-n", namespace, "-batch", "-", stdin="\n".join(lines) + "\n")


def sysctl(namespace: str, values: Mapping[str, int]) -> None:
    """Set kernel parameters that a network namespace has for itself; one that the kernel lacks is passed over."""
    run(*inside(namespace, ["sysctl", "-q", "-e", "-w", *(f"{key}={value}" for key, value in values.items())]))


def load_rules(namespace: str, rules: str) -> None:
    """Replace the sandbox's own table of packet filter rules in a namespace."""
    run(*inside(namespace, ["nft", "-f", "-"]), stdin=rules)


def _interfaces(namespace: str) -> set[str]:
    try:
        links = json.loads(run("ip", "-n", namespace, "-j", "link", "show"))
    except CommandError:
        return set()
    return {link["ifname"] for link in links}
