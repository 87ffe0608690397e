"""Whether the machine that runs the program can be seen to be outside of `karmada.acl`, before anything is made.

The program itself puts objects into Karmada. Whose address is translated on its way cannot be told here: such a machine
finds out at the gate before Karmada's API (fleet/lke/readiness.py).
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import pulumi

from fleet.config.settings import Layer

if TYPE_CHECKING:
    from fleet.config.settings import FleetConfig
    from fleet.deployed import Deployed

_ANYWHERE: Final = ("192.0.2.1", 9)
"""An address that nobody has (RFC 5737), and the port `discard`."""


def errors(config: FleetConfig, deployed: Deployed) -> list[str]:
    """A sentence for an update that Karmada would not let in.

    In a preview it is a warning, and only where there is a fleet: others compare nothing in Karmada.
    """
    found = outside(config, own_address())
    if found is None:
        return []
    if not pulumi.runtime.is_dry_run():
        return [found]
    if deployed.clusters:
        pulumi.log.warn(found)
    return []


def outside(config: FleetConfig, address: IPv4Address | None) -> str | None:
    """What is wrong with an ACL that does not let this address in, if it is one that others see."""
    acl = config.karmada.acl
    if acl is None or Layer.KARMADA not in config.layers or address is None or not address.is_global:
        return None
    if acl.lets_in(address):
        return None
    return (
        f"karmada.acl.ipv4: {', '.join(map(str, acl.ipv4))} does not let in {address}, from which this machine comes, "
        "and the program itself puts objects into Karmada; add its network, or run it from one that is there"
    )


def own_address() -> IPv4Address | None:
    """The address with which this machine's packets leave for the internet, if it has a way there at all."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        try:
            # Asks the routing table alone: with this protocol nothing is sent.
            endpoint.connect(_ANYWHERE)
        except OSError:
            return None
        return IPv4Address(endpoint.getsockname()[0])
