"""A Cloud Firewall at a node's network interface, or before a NodeBalancer, as text for nft(8) (decision 0164).

On LKE a node's neighbours come from private addresses and through tunnels, and Linode documents what a firewall has to
let through for a cluster to work. On the sandbox's wire they have one public address each, and packets between pods are
bare. So the rules are not taken at their word: whoever sends is known by the Ethernet address, and what the rules say
of the private address and of the tunnel decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import TYPE_CHECKING, Final

from sandbox.clusters.network.plan import PODS, SERVICES, hardware_address, private_address
from sandbox.linode.backend import Action
from sandbox.linode.ports import port_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sandbox.linode.backend import Firewall, FirewallRule, FirewallRules

_TABLE: Final = "table ip cloud_firewall"
_ANY: Final = IPv4Network("0.0.0.0/0")
_MATCHES: Final = {
    "TCP": "meta l4proto tcp",
    "UDP": "meta l4proto udp",
    "ICMP": "meta l4proto icmp",
    "IPENCAP": "meta l4proto 4",
}
_TUNNEL: Final = 51820
"""Where nodes have the end of the control plane's tunnel (WireGuard, UDP)."""
_ROUTES: Final = 179
"""Where nodes tell each other the ways to their pods (BGP, TCP)."""


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Who else is in the cluster's own network."""

    control_plane: IPv4Address
    nodes: Mapping[IPv4Network, IPv4Address]
    """The other nodes by the addresses of their pods."""


def firewall_rules(firewall: Firewall | None, neighbours: Neighbours) -> str:
    """What a node lets in and out; with no firewall, everything."""
    if firewall is None:
        return f"{_TABLE}\ndelete {_TABLE}\n"
    inbound, outbound = firewall.inbound, firewall.outbound
    return "\n".join(
        [
            _TABLE,
            f"delete {_TABLE}",
            f"{_TABLE} {{",
            *_chain("nodes", _from_nodes(inbound, neighbours)),
            *_chain("control_plane", _from_control_plane(inbound, neighbours)),
            *_chain("to_nodes", _to_nodes(outbound, neighbours)),
            # Before kube-proxy translates: what was sent to a node port still names that port.
            *_chain("inbound", [_hook("prerouting", -150), *_inbound(inbound, neighbours)]),
            # After kube-proxy and the node have translated: what leaves has the node's address.
            *_chain("outbound", [_hook("postrouting", 150), *_outbound(outbound, neighbours)]),
            "}",
            "",
        ]
    )


def balancer_rules(firewall: Firewall | None, address: IPv4Address) -> str:
    """What a NodeBalancer lets in at its address; with no firewall, everything. What it sends is not looked at.

    https://techdocs.akamai.com/cloud-computing/docs/create-a-cloud-firewall
    """
    # A node port without an endpoint answers with an ICMP error, upon which HAProxy 2.6 asks the kernel about the
    # connection in a circle until its timeout, and takes a whole processor. That a packet is too large it has to know.
    chains = _chain("errors", [_hook("prerouting", -150), "icmp type destination-unreachable icmp code != 4 drop"])
    if firewall is not None:
        chains += _chain("inbound", [_hook("prerouting", -150), *_to_balancer(firewall, address)])
    return "\n".join([_TABLE, f"delete {_TABLE}", f"{_TABLE} {{", *chains, "}", ""])


def _to_balancer(firewall: Firewall, address: IPv4Address) -> Iterator[str]:
    # Backends answer to its private address.
    yield f"ip daddr != {address} accept"
    yield "ct state established,related accept"
    yield from _lines(firewall.inbound, lambda rule: _in_networks("ip saddr", _networks(rule)))


def _hook(name: str, priority: int) -> str:
    return f"type filter hook {name} priority {priority}; policy accept;"


def decision(rules: FirewallRules, *, protocol: str, port: int | None, other: IPv4Address) -> Action:
    """What becomes of a packet from, or to, an address."""
    for rule in rules.rules:
        ports = port_ranges(rule.ports or "")
        fits = not ports or (port is not None and any(first <= port <= last for first, last in ports))
        if rule.protocol == protocol and fits and any(other in network for network in _networks(rule)):
            return rule.action
    return rules.policy


def _inbound(rules: FirewallRules, neighbours: Neighbours) -> Iterator[str]:
    yield 'iifname != "eth0" accept'
    yield "ct state established,related accept"
    pods = f"ip daddr {{ {PODS}, {SERVICES} }}"
    if senders := list(_senders_to_pods(rules, neighbours)):
        yield f"{pods} ether saddr {_hardware(senders)} accept"
    yield f"{pods} counter drop"
    yield f"ether saddr {_hardware([neighbours.control_plane])} goto control_plane"
    if neighbours.nodes:
        yield f"ether saddr {_hardware(neighbours.nodes.values())} goto nodes"
    yield from _lines(rules, lambda rule: _in_networks("ip saddr", _networks(rule)))


def _senders_to_pods(rules: FirewallRules, neighbours: Neighbours) -> Iterator[IPv4Address]:
    """Whose packets reach the node's pods, and Services.

    Between nodes they are packed into packets of the nodes' own (IPENCAP), on ways that the nodes tell by BGP; from the
    control plane they come through its tunnel.
    """
    between_nodes = (("IPENCAP", None), ("TCP", _ROUTES))
    for node in neighbours.nodes.values():
        if _lets_in(rules, private_address(node), between_nodes):
            yield node
    if _lets_in(rules, private_address(neighbours.control_plane), [("UDP", _TUNNEL)]):
        yield neighbours.control_plane


def _lets_in(rules: FirewallRules, sender: IPv4Address, kinds: Iterable[tuple[str, int | None]]) -> bool:
    """Whether packets of all these kinds are accepted, each a protocol and a port."""
    return all(decision(rules, protocol=protocol, port=port, other=sender) is Action.ACCEPT for protocol, port in kinds)


def _from_nodes(rules: FirewallRules, neighbours: Neighbours) -> Iterator[str]:
    def match(rule: FirewallRule) -> str | None:
        known = _known(rule, neighbours.nodes.values())
        return f"ether saddr {_hardware(known)}" if known else None

    return _lines(rules, match)


def _from_control_plane(rules: FirewallRules, neighbours: Neighbours) -> Iterator[str]:
    # It is Linode's, and in the private network alone.
    own = private_address(neighbours.control_plane)
    return _lines(rules, lambda rule: "" if any(own in network for network in _networks(rule)) else None)


def _outbound(rules: FirewallRules, neighbours: Neighbours) -> Iterator[str]:
    yield 'oifname != "eth0" accept'
    yield "ct state established,related accept"
    for pods, node in neighbours.nodes.items():
        reached = decision(rules, protocol="IPENCAP", port=None, other=private_address(node))
        yield f"ip daddr {pods} counter {reached}"
    if neighbours.nodes:
        yield f"ip daddr {_set(neighbours.nodes.values())} goto to_nodes"
    yield from _lines(rules, lambda rule: _in_networks("ip daddr", _networks(rule)))


def _to_nodes(rules: FirewallRules, neighbours: Neighbours) -> Iterator[str]:
    def match(rule: FirewallRule) -> str | None:
        known = _known(rule, neighbours.nodes.values())
        return f"ip daddr {_set(known)}" if known else None

    return _lines(rules, match)


def _known(rule: FirewallRule, nodes: Iterable[IPv4Address]) -> list[IPv4Address]:
    """The nodes that a rule is about: on LKE they use either of their addresses."""
    return [
        node
        for node in nodes
        if any(node in network or private_address(node) in network for network in _networks(rule))
    ]


def _lines(rules: FirewallRules, match: Callable[[FirewallRule], str | None]) -> Iterator[str]:
    """The rules in their order, each with whom it is about, and the policy; what is about nobody is left out."""
    for rule in rules.rules:
        whom = match(rule)
        if whom is not None:
            yield " ".join(part for part in (whom, _protocol(rule), "counter", rule.action) if part)
    yield f"counter {rules.policy}"


def _protocol(rule: FirewallRule) -> str:
    ports = _merged(port_ranges(rule.ports or ""))
    if not ports:
        return _MATCHES[rule.protocol]
    written = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ports)
    return f"{rule.protocol.lower()} dport {{ {written} }}"


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges with none that overlap, which a set refuses."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _networks(rule: FirewallRule) -> list[IPv4Network]:
    return [IPv4Network(network) for network in rule.networks]


def _in_networks(field: str, networks: Iterable[IPv4Network]) -> str | None:
    found = list(collapse_addresses(networks))
    if not found:
        return None
    return "" if found == [_ANY] else f"{field} {_set(found)}"


def _hardware(addresses: Iterable[IPv4Address]) -> str:
    return _set(hardware_address(address) for address in addresses)


def _set(members: Iterable[object]) -> str:
    return f"{{ {', '.join(str(member) for member in members)} }}"


def _chain(name: str, lines: Iterable[str]) -> list[str]:
    return [f"  chain {name} {{", *(f"    {line}" for line in lines), "  }"]
