"""Who reaches Karmada's API: the networks of `karmada.acl`, and the members' nodes by the addresses that they have now.

Its NodeBalancer gets a firewall from the cluster's cloud controller, which an annotation asks for. That leaves the node
port behind it open on every node's public address, so the manager's nodes get one as well, by their ids at Linode: a
pool's own firewall does nothing on standard LKE (terraform-provider-linode#2294). docs/decisions/0160 has the rest.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_linode as linode
from pulumi import Output, ResourceOptions

from fleet.config.pools import Acl
from fleet.config.rules import FIREWALL_ADDRESSES
from fleet.deployed import Deployed
from fleet.lke.cluster import LkeCluster
from fleet.naming import BALANCERS

ACL_ANNOTATION: Final = "service.beta.kubernetes.io/linode-loadbalancer-firewall-acl"
"""Of linode-cloud-controller-manager (docs/configuration/firewall.md), whose firewall goes with the Service."""
PRIVATE: Final = "192.168.128.0/17"
"""Linode's private network of a region, by which LKE's control planes and nodes talk."""
NODE_PORTS: Final = "30000-32767"
API_RULE: Final = "karmada-api"
"""The label of the rule for the node port at which Karmada's API is reached."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is let in: a protocol, its ports (all of them where none is named), and from where."""

    label: str
    protocol: str
    ports: str | None = None
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...] = ()


LKE_RULES: Final = (
    Rule(label="icmp", protocol="ICMP", ipv4=("0.0.0.0/0",), ipv6=("::/0",)),
    Rule(label="lke-kubelet", protocol="TCP", ports="10250", ipv4=(PRIVATE,)),
    Rule(label="lke-kube-proxy-health", protocol="TCP", ports="10256", ipv4=(PRIVATE,)),
    Rule(label="lke-wireguard", protocol="UDP", ports="51820", ipv4=(PRIVATE,)),
    Rule(label="lke-dns-tcp", protocol="TCP", ports="53", ipv4=(PRIVATE,)),
    Rule(label="lke-dns-udp", protocol="UDP", ports="53", ipv4=(PRIVATE,)),
    Rule(label="lke-calico-bgp", protocol="TCP", ports="179", ipv4=(PRIVATE,)),
    Rule(label="lke-calico-typha", protocol="TCP", ports="5473", ipv4=(PRIVATE,)),
    Rule(label="lke-calico-pods", protocol="IPENCAP", ipv4=(PRIVATE,)),
    Rule(label="nodebalancers-tcp", protocol="TCP", ports=NODE_PORTS, ipv4=(BALANCERS,)),
    Rule(label="nodebalancers-udp", protocol="UDP", ports=NODE_PORTS, ipv4=(BALANCERS,)),
)
"""What LKE needs to be let in at its nodes.

https://techdocs.akamai.com/cloud-computing/docs/lke-network-firewall-details has all but ICMP, Typha and IPENCAP, in
which Calico packs what pods of different nodes say to each other. Linode's own controller for such firewalls adds these
three (github.com/linode/cloud-firewall-controller, internal/rules/defaults.go). Each port has a rule of its own, since
the API could spell a list of them in another way.
"""


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """The networks that Karmada's API lets in, as Linode spells them."""

    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class KarmadaFirewallArgs:
    """Who may reach the API, where it listens, and what the last update deployed.

    Without an ACL the NodeBalancer's firewall is taken away again.
    """

    acl: Acl | None
    manager: LkeCluster
    members: Mapping[str, LkeCluster]
    """Those that are not expelled."""
    tags: Sequence[str]
    node_port: int | None
    """The API's, where it is reached by one."""
    service: kubernetes.core.v1.Service | None
    """The NodeBalancer's, where it is reached by one."""
    deployed: Deployed


class KarmadaFirewall(pulumi.ComponentResource):
    """The firewalls before Karmada's API: that of the manager's nodes, and that of its NodeBalancer if it has one."""

    made: list[pulumi.CustomResource]
    """Nobody else is let in once these are there; that of the nodes is the first."""
    record: Output[dict[str, Any]] | None
    """What is let in and which nodes are behind it, known once it is so; for the next update and for who verifies."""

    def __init__(self, name: str, args: KarmadaFirewallArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Firewall", name, {}, opts)
        self.record = None
        admitted = _admitted(args, args.acl) if args.acl is not None else None
        nodes = self._before_nodes(name, args, admitted) if admitted is not None else None
        balancer = None
        if args.service is not None:
            balancer = self._before_balancer(name, args.manager, args.service, admitted)
        self.made = [made for made in (nodes, balancer) if made is not None]
        if nodes is not None:
            self.record = _recorded(args.manager, nodes, balancer)
        self.register_outputs({})

    def _before_nodes(self, name: str, args: KarmadaFirewallArgs, admitted: Output[Admitted]) -> linode.Firewall:
        rules = [_inbound(rule) for rule in LKE_RULES]
        if args.node_port is not None:
            rules.append(
                linode.FirewallInboundArgs(
                    label=API_RULE,
                    action="ACCEPT",
                    protocol="TCP",
                    ports=str(args.node_port),
                    ipv4s=admitted.apply(lambda found: list(found.ipv4)),
                    ipv6s=admitted.apply(lambda found: list(found.ipv6) or None),
                )
            )
        return linode.Firewall(
            f"{name}-nodes",
            label=args.manager.cluster_id.apply(lambda cluster_id: f"karmada-{cluster_id}"),
            inbound_policy="DROP",
            inbounds=rules,
            outbound_policy="ACCEPT",
            linodes=_behind(args),
            tags=list(args.tags),
            opts=ResourceOptions(parent=self),
        )

    def _before_balancer(
        self,
        name: str,
        manager: LkeCluster,
        service: kubernetes.core.v1.Service,
        admitted: Output[Admitted] | None,
    ) -> kubernetes.core.v1.ServicePatch:
        """A patch, and no annotation of the Service itself (docs/decisions/0161)."""
        acl = {} if admitted is None else {ACL_ANNOTATION: admitted.apply(annotation)}
        return kubernetes.core.v1.ServicePatch(
            f"{name}-balancer",
            metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(
                name=service.metadata.name,
                namespace=service.metadata.namespace,
                annotations={"pulumi.com/skipAwait": "true", **acl},
            ),
            # The cloud controller removes the firewall with the Service only if it has the annotation then.
            opts=ResourceOptions(parent=self, provider=manager.provider, retain_on_delete=True),
        )


def _inbound(rule: Rule) -> linode.FirewallInboundArgs:
    return linode.FirewallInboundArgs(
        label=rule.label,
        action="ACCEPT",
        protocol=rule.protocol,
        ports=rule.ports,
        ipv4s=list(rule.ipv4),
        ipv6s=list(rule.ipv6) or None,
    )


def _recorded(
    manager: LkeCluster, nodes: linode.Firewall, balancer: kubernetes.core.v1.ServicePatch | None
) -> Output[dict[str, Any]]:
    known = Output.all(
        id=nodes.id,
        linodes=nodes.linodes,
        inbounds=nodes.inbounds,
        annotations=balancer.metadata.annotations if balancer else None,
    )
    return known.apply(
        lambda found: {
            "id": found["id"],
            "manager": manager.name,
            "linodes": found["linodes"],
            "sources": sources(found["inbounds"] or (), found["annotations"]),
        }
    )


def sources(inbounds: Sequence[Mapping[str, Any]], annotations: Mapping[str, str] | None) -> list[str]:
    """Whom the firewalls let in at Karmada's API: by the rules of that of the nodes, and by the NodeBalancer's ACL."""
    rules = [rule for rule in inbounds if rule["label"] == API_RULE]
    listed = json.loads((annotations or {}).get(ACL_ANNOTATION) or "{}").get("allowList") or {}
    networks = [
        *(network for rule in rules for family in ("ipv4s", "ipv6s") for network in rule.get(family) or ()),
        *(network for family in ("ipv4", "ipv6") for network in listed.get(family) or ()),
    ]
    return list(dict.fromkeys(networks))


def _admitted(args: KarmadaFirewallArgs, acl: Acl) -> Output[Admitted]:
    addresses: Output[Any] = Output.from_input({name: member.node_ips for name, member in args.members.items()})

    def told(found: Mapping[str, Sequence[str]]) -> Admitted:
        _warn(not_let_in(args.deployed, found))
        return let_in(acl, [address for nodes in found.values() for address in nodes])

    return addresses.apply(told)


def _behind(args: KarmadaFirewallArgs) -> Output[list[int]]:
    def told(linodes: list[int]) -> list[int]:
        _warn(not_behind(args.deployed, args.manager.name, linodes))
        return linodes

    return args.manager.node_ids.apply(told)


def _warn(sentences: Iterator[str]) -> None:
    for sentence in sentences:
        pulumi.log.warn(sentence)


def let_in(acl: Acl, nodes: Sequence[str]) -> Admitted:
    """The ACL's networks, and the nodes that are in none of them.

    The cloud controller takes more addresses than fit into one rule, but writes a rule then that names nobody
    (cloud/linode/services/firewalls.go, processACL).

    Raises:
        pulumi.RunError: one rule cannot name so many.
    """
    ipv4, ipv6 = acl.with_nodes(nodes), tuple(dict.fromkeys(map(str, acl.ipv6)))
    if len(ipv4) + len(ipv6) > FIREWALL_ADDRESSES:
        outside, all_in_all = len(acl.outside(nodes)), len(ipv4) + len(ipv6)
        raise pulumi.RunError(
            f"karmada.acl: its networks and {outside} nodes of members are {all_in_all}, and a rule of Linode's "
            f"firewalls has room for {FIREWALL_ADDRESSES}; name networks that the nodes' addresses are in"
        )
    return Admitted(ipv4=ipv4, ipv6=ipv6)


def annotation(admitted: Admitted) -> str:
    """What the cloud controller takes: JSON with the networks that are let in, and no family that has none."""
    families = {"ipv4": list(admitted.ipv4), "ipv6": list(admitted.ipv6)}
    return json.dumps({"allowList": {family: found for family, found in families.items() if found}})


def not_let_in(deployed: Deployed, addresses: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A sentence for each member with nodes that came since the last update, which Karmada's API refused.

    A member that is new had nothing to ask of it.
    """
    before = deployed.karmada_firewall
    if before is None:
        return
    for member, found in addresses.items():
        missing = [address for address in found if not before.lets_in(address)]
        if missing and deployed.cluster(member) is not None:
            yield (
                f"Karmada's API did not let in {', '.join(missing)}: nodes of {member} that came since the last update."
                " This one lets them in."
            )


def not_behind(deployed: Deployed, manager: str, linodes: Sequence[int]) -> Iterator[str]:
    """A sentence if the manager has nodes that came since the last update, whose node ports answer everybody."""
    before = deployed.karmada_firewall
    if before is None or before.manager != manager:
        return
    if missing := [str(linode_id) for linode_id in linodes if linode_id not in before.linodes]:
        yield (
            f"No firewall was before Linode {', '.join(missing)}: nodes of {manager} that came since the last update, "
            "whose node ports answered everybody. This one puts them behind it."
        )
