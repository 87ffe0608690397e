"""Whether firewalls and ACLs have gaps: nodes that came since the last update, and are not in them."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from fleet.karmada.firewall import ACL_ANNOTATION
from fleet.naming import KARMADA_NAMESPACE, SUFFIX_LENGTH
from operations.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sandbox.verify.member import View

    Ask = Callable[[str], Any]
    """What the Linode API answers below /v4."""

_SERVICE: Final = "karmada-apiserver-public"
_NODE_PORTS: Final = range(30000, 32768)


def claims(outputs: Mapping[str, Any], manager: View, ask: Ask) -> Iterator[Claim]:
    """That there is no gap. `outputs` are those of a stack whose Karmada has an ACL.

    Raises:
        CommandError: Linode or the manager cannot be asked.

    """
    path = f"networking/firewalls/{outputs['karmadaFirewall']['id']}"
    firewall = ask(path)
    members, nodes = _members(outputs), _nodes(ask)
    yield members_are_let_in(
        _let_in(urlsplit(outputs["karmadaEndpoint"]).port or 0, manager, firewall),
        {name: _addresses(nodes, name) for name in members},
    )
    yield manager_is_behind(
        firewall,
        ask(f"{path}/devices?page_size=500")["data"],
        [node["id"] for node in nodes.get(manager.name, ())],
    )


def peers(outputs: Mapping[str, Any], ask: Ask) -> Iterator[Claim]:
    """That istiod of every member reaches the control planes of the others. `outputs` are those of a mesh.

    Raises:
        CommandError: Linode cannot be asked.

    """
    members = _members(outputs)
    closed = {cluster["name"] for cluster in outputs["clusters"] if cluster.get("acl")} & set(members)
    if not closed:
        return
    nodes, ids = _nodes(ask), {name: identity for identity, name in _clusters(ask).items()}
    for name in sorted(closed):
        acl = ask(f"lke/clusters/{ids[name]}/control_plane_acl")["acl"]
        yield peers_are_let_in(name, acl, {other: _addresses(nodes, other) for other in members if other != name})


def peers_are_let_in(name: str, acl: Mapping[str, Any], addresses: Mapping[str, Sequence[str]]) -> Claim:
    """Every address that another member's node has now is in a network of a control plane's ACL."""
    networks = list(acl["addresses"].get("ipv4") or ()) if acl["enabled"] else ["0.0.0.0/0"]
    live = sorted(address for found in addresses.values() for address in found)
    missing = _outside(networks, live)
    evidence = f"{len(live) - len(missing)} of {len(live)} nodes are in {', '.join(networks)}"
    if missing:
        evidence += f"; not {', '.join(missing)}: `pulumi up` lets them in"
    return Claim(
        text=f"the control plane of {name} lets in every node that the other members have now",
        holds=not missing,
        evidence=evidence,
    )


def members_are_let_in(networks: Sequence[str], addresses: Mapping[str, Sequence[str]]) -> Claim:
    """Every address that a member's node has now is in a network that is let in."""
    live = sorted(address for found in addresses.values() for address in found)
    missing = _outside(networks, live)
    without = sorted(name for name, found in addresses.items() if not found)
    return Claim(
        text="Karmada's API lets in every node that its members have now",
        holds=not missing and not without,
        evidence=", ".join(
            [
                f"{len(live) - len(missing)} of {len(live)} nodes are in {', '.join(networks) or 'no network'}",
                *([f"not {', '.join(missing)}: `pulumi up` lets them in"] if missing else []),
                *(f"{name} has no node" for name in without),
            ]
        ),
    )


def manager_is_behind(firewall: Mapping[str, Any], devices: Iterable[Mapping[str, Any]], live: Sequence[int]) -> Claim:
    """Every node that the manager has now is a device of a firewall that drops what no rule of it names."""
    behind = {device["entity"]["id"] for device in devices if device["entity"]["type"] == "linode"}
    missing = sorted(set(live) - behind)
    policy = firewall["rules"]["inbound_policy"]
    evidence = f"{len(live) - len(missing)} of {len(live)} Linodes, {firewall['status']}, {policy}"
    if missing:
        evidence += f"; not {', '.join(map(str, missing))}: `pulumi up` puts them behind it"
    return Claim(
        text="every node that the manager has now is behind the firewall",
        holds=bool(live) and not missing and firewall["status"] == "enabled" and policy == "DROP",
        evidence=evidence,
    )


def _let_in(port: int, manager: View, firewall: Mapping[str, Any]) -> list[str]:
    """The networks that reach Karmada's API at its port: by the nodes' firewall, or by the NodeBalancer's ACL."""
    if port in _NODE_PORTS:
        return at_port(firewall["rules"]["inbound"], port)
    service = manager.get("service", _SERVICE, f"--namespace={KARMADA_NAMESPACE}")
    return allowed(service["metadata"].get("annotations", {}))


def at_port(rules: Iterable[Mapping[str, Any]], port: int) -> list[str]:
    """The networks that a firewall's rules let in at a TCP port, apart from those of Linode's own."""
    return [
        network
        for rule in rules
        if rule["action"] == "ACCEPT" and rule["protocol"] == "TCP" and rule.get("ports") == str(port)
        for family in ("ipv4", "ipv6")
        for network in rule["addresses"].get(family) or ()
    ]


def allowed(annotations: Mapping[str, str]) -> list[str]:
    """The networks that the ACL of a NodeBalancer lets in; none where there is no ACL."""
    acl = json.loads(annotations.get(ACL_ANNOTATION, "{}"))
    return [network for networks in (acl.get("allowList") or {}).values() for network in networks]


def _outside(networks: Iterable[str], addresses: Iterable[str]) -> list[str]:
    """The addresses that are in none of the networks."""
    within = [ip_network(network) for network in networks]
    return [address for address in addresses if not any(ip_address(address) in network for network in within)]


def _members(outputs: Mapping[str, Any]) -> list[str]:
    """The names of the members that are not expelled."""
    return [cluster["name"] for cluster in outputs["clusters"] if cluster["network"] and not cluster.get("expelled")]


def _addresses(nodes: Mapping[str, Sequence[Mapping[str, Any]]], name: str) -> list[str]:
    return [node["ipv4"][0] for node in nodes.get(name, ())]


def _clusters(ask: Ask) -> dict[int, str]:
    """The names in the stack of the account's clusters, by their ids."""
    return {cluster["id"]: name_of(cluster["label"]) for cluster in ask("lke/clusters?page_size=500")["data"]}


def _nodes(ask: Ask) -> dict[str, list[dict[str, Any]]]:
    """The account's Linodes that are nodes, by the cluster's name in the stack."""
    names = _clusters(ask)
    found: dict[str, list[dict[str, Any]]] = {}
    for node in ask("linode/instances?page_size=500")["data"]:
        if name := names.get(node["lke_cluster_id"]):
            found.setdefault(name, []).append(node)
    return found


def name_of(label: str) -> str:
    """A cluster's name in the stack, by the label that it has at Linode (fleet/naming.py, billed_label)."""
    return re.sub(rf"-[a-z0-9]{{{SUFFIX_LENGTH}}}$", "", label)
