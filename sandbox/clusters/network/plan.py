"""The address plan. The ranges that stand for public addresses are RFC 5737's, which no real host has."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Final

SERVERS: Final = IPv4Network("192.0.2.0/24")
"""API servers and the emulated Linode API (TEST-NET-1)."""
NODES: Final = IPv4Network("198.51.100.0/24")
"""ExternalIPs of nodes (TEST-NET-2)."""
BALANCERS: Final = IPv4Network("203.0.113.0/24")
"""NodeBalancers (TEST-NET-3)."""
# As Cloud Firewalls see them on LKE, where every Linode has a private address beside its public one:
# https://techdocs.akamai.com/cloud-computing/docs/lke-network-firewall-details
_PRIVATE_NODES: Final = IPv4Network("192.168.128.0/24")
_PRIVATE_SERVERS: Final = IPv4Network("192.168.129.0/24")
PRIVATE_BALANCERS: Final = IPv4Network("192.168.255.0/24")
"""From where NodeBalancers call their backends."""

SERVERS_ROUTER: Final = IPv4Address("192.0.2.1")
"""The bridge's own address, from which clients inside fleet-wan come."""
NODES_ROUTER: Final = IPv4Address("198.51.100.1")
CLOUD: Final = IPv4Address("192.0.2.2")
"""The emulated Linode API and etcd."""
LINODE_API_PORT: Final = 80
LINODE_API: Final = f"http://{CLOUD}"
"""With no version: clients append theirs."""
ETCD_PORT: Final = 2379

# As on LKE, every cluster has the same: https://techdocs.akamai.com/cloud-computing/docs/lke-network-details
PODS: Final = IPv4Network("10.2.0.0/16")
SERVICES: Final = IPv4Network("10.128.0.0/16")
KUBERNETES_SERVICE: Final = IPv4Address("10.128.0.1")
DNS_SERVICE: Final = IPv4Address("10.128.0.10")
POD_PREFIX_LENGTH: Final = 24


def node_pods(index: int) -> IPv4Network:
    """The pod addresses of a cluster's node with this index, 0 to 255."""
    return list(PODS.subnets(new_prefix=POD_PREFIX_LENGTH))[index]


def private_address(address: IPv4Address) -> IPv4Address:
    """The address by which firewalls know a node, a control plane or a NodeBalancer of this cluster's own network.

    NodeBalancers call their backends from it. The others have public addresses alone on the sandbox's wire. Raises
    ValueError if the address is none of these three.
    """
    for public, private in ((NODES, _PRIVATE_NODES), (SERVERS, _PRIVATE_SERVERS), (BALANCERS, PRIVATE_BALANCERS)):
        if address in public:
            return private[int(address) - int(public[0])]
    raise ValueError(f"{address} is the address of no node, control plane or NodeBalancer")


def interface(address: IPv4Address) -> str:
    """The name of the bridge's end of the link to an address; an interface's name has at most 15 characters."""
    return f"v{str(address).replace('.', '-')}"


def hardware_address(address: IPv4Address) -> str:
    """The Ethernet address of whoever has an address: locally administered, so that it is nobody's product."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x00, *address.packed))
