"""What tests of firewalls send."""

from typing import Any

FIREWALLS = "/networking/firewalls"
SSH = {"action": "ACCEPT", "protocol": "TCP", "ports": "22", "addresses": {"ipv4": ["192.0.2.0/24"]}, "label": "ssh"}


def ruleset(*inbound: dict[str, Any]) -> dict[str, Any]:
    """Rules that let in what is given and nothing else."""
    return {"inbound": list(inbound), "inbound_policy": "DROP", "outbound": [], "outbound_policy": "ACCEPT"}


def wanted(label: str = "door", **fields: Any) -> dict[str, Any]:
    """A firewall that lets SSH in."""
    return {"label": label, "rules": ruleset(SSH), **fields}
