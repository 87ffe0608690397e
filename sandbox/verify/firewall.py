"""Whether firewalls and ACLs have gaps: nodes that came since the last update and are not in them, and strangers."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from fleet.naming import BALANCERS, KARMADA_NAMESPACE, SUFFIX_LENGTH
from operations.claims import Claim
from sandbox.verify.balancers import remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Ask = Callable[[str], Any]
    """What the Linode API answers below /v4."""

_SERVICE: Final = {"metadata": {"name": "karmada-apiserver-public", "namespace": KARMADA_NAMESPACE}}
_ENABLE: Final = "a disabled firewall takes `linode-cli firewalls update ID --status enabled`"
"""Which the cloud controller does not do: it compares rules alone."""
_NODE_PORTS: Final = range(30000, 32768)
_EVERYBODY: Final = ("0.0.0.0/0", "::/0")


def claims(outputs: Mapping[str, Any], ask: Ask) -> Iterator[Claim]:
    """That there is no gap. `outputs` are those of a stack whose Karmada has an ACL.

    Raises:
        CommandError: Linode cannot be asked.

    """
    recorded, endpoint = outputs["karmadaFirewall"], urlsplit(outputs["karmadaEndpoint"])
    path, port = f"networking/firewalls/{recorded['id']}", endpoint.port or 0
    # One that was deleted is in no list, and to ask for it would be an error.
    found = [one for one in ask("networking/firewalls?page_size=500")["data"] if str(one["id"]) == str(recorded["id"])]
    members, nodes = _members(outputs), _nodes(_clusters(ask), ask)
    by_node, ports = port in _NODE_PORTS, range(port, port + 1)
    yield members_are_let_in(
        let_in(found, ports) if by_node else _at_balancer(str(endpoint.hostname), ports, ask),
        {name: _addresses(nodes, name) for name in members},
        recorded["sources"],
        "`pulumi up --refresh` shuts them out" if by_node else f"{remedy(recorded['manager'], _SERVICE)}; {_ENABLE}",
    )
    yield manager_is_behind(
        found,
        ask(f"{path}/devices?page_size=500")["data"] if found else [],
        [node["id"] for node in nodes.get(recorded["manager"], ())],
        recorded["sources"],
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
    clusters = _clusters(ask)
    nodes, ids = _nodes(clusters, ask), {name: identity for identity, name in clusters.items()}
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


def members_are_let_in(
    networks: Sequence[str], addresses: Mapping[str, Sequence[str]], sources: Sequence[str], shut: str
) -> Claim:
    """Every address that a member's node has now is let in, and nobody but the last update's `sources` is.

    `shut` is what shuts others out again.
    """
    live = sorted(address for found in addresses.values() for address in found)
    missing, strangers = _outside(networks, live), _outside(sources, networks)
    without = sorted(name for name, found in addresses.items() if not found)
    return Claim(
        text="Karmada's API lets in every node that its members have now, and nobody whom the config does not name",
        holds=not missing and not without and not strangers,
        evidence=", ".join(
            [
                f"{len(live) - len(missing)} of {len(live)} nodes are in {', '.join(networks) or 'no network'}",
                *([f"not {', '.join(missing)}: `pulumi up` lets them in"] if missing else []),
                *(f"{name} has no node" for name in without),
                *([f"of which the config does not name {', '.join(strangers)}: {shut}"] if strangers else []),
            ]
        ),
    )


def manager_is_behind(
    firewalls: Sequence[Mapping[str, Any]],
    devices: Iterable[Mapping[str, Any]],
    live: Sequence[int],
    sources: Sequence[str],
) -> Claim:
    """Every node that the manager has now is a device of the firewall, which lets only `sources` in at node ports.

    `firewalls` has that one alone, and nothing where it is gone.
    """
    behind = {device["entity"]["id"] for device in devices if device["entity"]["type"] == "linode"}
    missing = sorted(set(live) - behind)
    strangers = _outside(sources, let_in(firewalls, _NODE_PORTS))
    stands = [f"{one['status']}, {one['rules']['inbound_policy']}" for one in firewalls] or ["whose firewall is gone"]
    evidence = f"{len(live) - len(missing)} of {len(live)} Linodes, {stands[0]}"
    if strangers:
        evidence += f"; node ports let in {', '.join(strangers)}: `pulumi up --refresh` shuts them out"
    elif missing:
        evidence += f"; not {', '.join(map(str, missing))}: `pulumi up` puts them behind it"
    return Claim(
        text="every node that the manager has now is behind the firewall",
        holds=bool(live) and not missing and not strangers,
        evidence=evidence,
    )


def _at_balancer(address: str, ports: range, ask: Ask) -> list[str]:
    """The networks that the NodeBalancer with an address lets in; none where it is gone, which is another claim's."""
    found = [one["id"] for one in ask("nodebalancers?page_size=500")["data"] if one["ipv4"] == address]
    return [network for one in found for network in let_in(ask(f"nodebalancers/{one}/firewalls")["data"], ports)]


def let_in(firewalls: Iterable[Mapping[str, Any]], ports: range) -> list[str]:
    """The networks, apart from the NodeBalancers' own, that firewalls let in at one of these TCP ports or more.

    That is everybody where none of them is enabled and drops what it does not name.
    """
    enabled = [one["rules"] for one in firewalls if one["status"] == "enabled"]
    if not any(rules["inbound_policy"] == "DROP" for rules in enabled):
        return list(_EVERYBODY)
    return [
        network
        for rules in enabled
        for rule in rules.get("inbound") or ()
        if rule["action"] == "ACCEPT" and rule["protocol"] in ("TCP", "ALL") and _names(rule.get("ports"), ports)
        for family in ("ipv4", "ipv6")
        for network in rule["addresses"].get(family) or ()
        if network != BALANCERS
    ]


def _names(text: str | None, ports: range) -> bool:
    """Whether a rule's ports (`22, 80-90`; all where it says nothing) are among these."""
    spans = [part.partition("-") for part in (text or "1-65535").split(",")]
    return any(int(first) <= ports[-1] and int(last or first) >= ports[0] for first, _, last in spans)


def _outside(networks: Iterable[str], given: Iterable[str]) -> list[str]:
    """The addresses and networks that are whole in none of the networks."""
    within = [ip_network(network, strict=False) for network in networks]

    def is_in_one(text: str) -> bool:
        one = ip_network(text, strict=False)
        return any(one[0] in network and one[-1] in network for network in within)

    return [one for one in given if not is_in_one(one)]


def _members(outputs: Mapping[str, Any]) -> list[str]:
    """The names of the members that are not expelled."""
    return [cluster["name"] for cluster in outputs["clusters"] if cluster["network"] and not cluster.get("expelled")]


def _addresses(nodes: Mapping[str, Sequence[Mapping[str, Any]]], name: str) -> list[str]:
    return [node["ipv4"][0] for node in nodes.get(name, ())]


def _clusters(ask: Ask) -> dict[int, str]:
    """The names in the stack of the account's clusters, by their ids."""
    return {cluster["id"]: name_of(cluster["label"]) for cluster in ask("lke/clusters?page_size=500")["data"]}


def _nodes(clusters: Mapping[int, str], ask: Ask) -> dict[str, list[dict[str, Any]]]:
    """The account's Linodes that are nodes of clusters, by the cluster's name in the stack."""
    found: dict[str, list[dict[str, Any]]] = {}
    for node in ask("linode/instances?page_size=500")["data"]:
        if name := clusters.get(node["lke_cluster_id"]):
            found.setdefault(name, []).append(node)
    return found


def name_of(label: str) -> str:
    """A cluster's name in the stack, by the label that it has at Linode (fleet/naming.py, billed_label)."""
    return re.sub(rf"-[a-z0-9]{{{SUFFIX_LENGTH}}}$", "", label)
