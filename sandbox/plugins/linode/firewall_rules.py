"""What a Firewall's inputs have to satisfy beyond their types.

The validators of terraform-provider-linode (linode/firewall/framework_schema_resource.go), with the protocols that
pulumi-linode 6.8.0 documents; the API checks everything else itself.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from sandbox.plugins.framework import UNKNOWN, CheckFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.plugins.framework import Properties, Value

_ACTIONS: Final = ("ACCEPT", "DROP")
_PROTOCOLS: Final = ("ALL", "TCP", "UDP", "ICMP", "IPENCAP")
_HIGHEST_PROTOCOL: Final = 255
_LABEL: Final = range(3, 33)


def failures(inputs: Properties) -> Iterator[CheckFailure]:
    """What is wrong with inputs that fit the schema."""
    yield from _label("label", inputs.get("label"))
    for policy in ("inboundPolicy", "outboundPolicy"):
        yield from _action(policy, inputs.get(policy))
    for name in ("inbounds", "outbounds"):
        rules = inputs.get(name) or []
        if rules is not UNKNOWN:
            for index, rule in enumerate(rules):
                if rule is not UNKNOWN:
                    yield from _rule(f"{name}[{index}]", rule)


def _rule(path: str, rule: Mapping[str, Value]) -> Iterator[CheckFailure]:
    yield from _label(f"{path}.label", rule.get("label"))
    yield from _action(f"{path}.action", rule.get("action"))
    protocol = rule.get("protocol")
    if protocol is not UNKNOWN and protocol not in _PROTOCOLS and not _is_protocol_number(protocol):
        known = ", ".join(_PROTOCOLS)
        reason = f"{protocol!r} is not known; choose one of {known}, or a number up to {_HIGHEST_PROTOCOL}"
        yield CheckFailure(path=f"{path}.protocol", reason=reason)
    if rule.get("ports") == "":
        yield CheckFailure(path=f"{path}.ports", reason="this must not be empty; leave it out for all ports")
    for name, kind in (("ipv4s", ipaddress.IPv4Network), ("ipv6s", ipaddress.IPv6Network)):
        yield from _networks(f"{path}.{name}", rule.get(name), kind)


def _networks(
    path: str, networks: Value, kind: type[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> Iterator[CheckFailure]:
    if networks is None or networks is UNKNOWN:
        return
    if not networks:
        yield CheckFailure(path=path, reason="this must not be empty; leave it out for no network")
    for index, network in enumerate(networks):
        if network is not UNKNOWN and not _is_network(network, kind):
            reason = f"{network!r} is no network of this kind; write it with its prefix, like 192.0.2.1/32 or ::1/128"
            yield CheckFailure(path=f"{path}[{index}]", reason=reason)


def _is_network(text: str, kind: type[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether it is an address and a prefix; bits after the prefix are left to the API to judge."""
    address, _, prefix = text.partition("/")
    try:
        kind((address, int(prefix) if prefix.isascii() and prefix.isdigit() else -1), strict=False)
    except ValueError:
        return False
    return True


def _is_protocol_number(protocol: Value) -> bool:
    return isinstance(protocol, str) and protocol.isdecimal() and int(protocol) <= _HIGHEST_PROTOCOL


def _label(path: str, label: Value) -> Iterator[CheckFailure]:
    if isinstance(label, str) and len(label) not in _LABEL:
        reason = f"{label!r} has {len(label)} characters; a label has {_LABEL[0]} to {_LABEL[-1]}"
        yield CheckFailure(path=path, reason=reason)


def _action(path: str, action: Value) -> Iterator[CheckFailure]:
    if action not in (None, UNKNOWN, *_ACTIONS):
        yield CheckFailure(path=path, reason=f"{action!r} is not known; choose one of {', '.join(_ACTIONS)}")
