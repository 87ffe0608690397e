"""Packet filter rules of nodes and control planes, as text for nft(8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.clusters.network.plan import CLOUD, PODS, SERVICES, hardware_address
from sandbox.linode.backend import API_SERVER_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address

    from sandbox.linode.backend import AclSpec


def node_rules(peers: Iterable[IPv4Address]) -> str:
    """What a node lets in for its pods: nothing but what its own cluster sends.

    The pod ranges of all clusters are the same, so a sender's IP address says nothing: its Ethernet address does.
    Pods that leave the cluster take the node's address, as everywhere on LKE.
    """
    senders = ", ".join(sorted(hardware_address(peer) for peer in peers))
    return f"""
table inet fleet
delete table inet fleet
table inet fleet {{
  set peers {{
    type ether_addr
    elements = {{ {senders} }}
  }}
  chain prerouting {{
    type filter hook prerouting priority raw; policy accept;
    iifname "eth0" ip daddr {{ {PODS}, {SERVICES} }} ether saddr != @peers counter drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" ip saddr {PODS} ip daddr != {PODS} counter masquerade
  }}
}}
"""


def control_plane_rules(acl: AclSpec, nodes: Iterable[IPv4Address]) -> str:
    """Who may reach an API server: with an ACL its networks, and always the cluster's own nodes and the cloud.

    https://techdocs.akamai.com/cloud-computing/docs/control-plane-acl
    """
    if not acl.enabled:
        return "table inet fleet\ndelete table inet fleet\n"
    allowed = ", ".join([str(CLOUD), *(str(node) for node in nodes), *acl.ipv4])
    return f"""
table inet fleet
delete table inet fleet
table inet fleet {{
  set allowed {{
    type ipv4_addr
    flags interval
    auto-merge
    elements = {{ {allowed} }}
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "lo" accept
    tcp dport {API_SERVER_PORT} ip saddr != @allowed counter drop
  }}
}}
"""
