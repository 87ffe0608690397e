"""Peers: the members' nodes as an update finds them, by which control planes with an ACL let the other members in.

An ACL is part of its cluster, so ACLs that came from the nodes of other clusters would wait for each other in a circle.
The nodes are looked up before any cluster instead. Those that an update itself brings are let in by the next one, which
this one asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi
import pulumi_linode as linode
from pulumi import Output

from fleet.lke.cluster import external_ips
from fleet.lke.linode_clusters import node_labels
from fleet.naming import billed_label

if TYPE_CHECKING:
    from fleet.config.settings import FleetConfig
    from fleet.lke.cluster import LkeCluster

Nodes = Mapping[str, Sequence[str]]
"""Public IPv4 addresses of nodes, by member."""


class Peers:
    """What the members' control planes let in besides the networks that are named."""

    def __init__(self, config: FleetConfig, suffix: Output[str]) -> None:
        self._config = config
        self._found: Output[Nodes] | None = None
        if config.open_to_peers:
            self._found = Output.from_input(_if_known(_look_up(config.trusted_members, suffix)))

    def of(self, cluster: str) -> Output[list[str]]:
        """The addresses of the other members' nodes, for a cluster that lets them in; for another one there are none.

        An expelled member lets nobody in any more, and is let in by nobody.
        """
        if self._found is None or cluster not in self._config.open_to_peers:
            return Output.from_input([])
        return self._found.apply(lambda nodes: _others(cluster, nodes))

    def ask_for_another_update(self, clusters: Mapping[str, LkeCluster]) -> None:
        """Say which nodes came with this update, once it is known, and that another one lets them in."""
        if self._found is None or pulumi.runtime.is_dry_run():
            return
        live = {name: clusters[name].node_ips for name in self._config.trusted_members}

        def tell(known: Mapping[str, Nodes]) -> None:
            for sentence in gaps(self._config, known["found"], known["live"]):
                pulumi.log.warn(sentence)

        Output.all(found=self._found, live=live).apply(tell)


def gaps(config: FleetConfig, found: Nodes, live: Nodes) -> Iterator[str]:
    """A sentence for each member with nodes that other members' control planes do not let in.

    Args:
        config: of the stack.
        found: the nodes that the ACLs were made of.
        live: those that there are.
    """
    for member, addresses in live.items():
        new = [address for address in addresses if address not in found.get(member, ())]
        refused = {
            name: missing
            for name in config.open_to_peers
            if name != member and (missing := _refused(config, name, new))
        }
        if refused:
            nodes = ", ".join(dict.fromkeys(address for missing in refused.values() for address in missing))
            yield (
                f"The control planes of {', '.join(refused)} do not let in {nodes} yet: nodes of {member} that came "
                f"with this update, from which istiod finds no endpoints there. Run `pulumi up` once more, which lets "
                "them in."
            )


def _refused(config: FleetConfig, cluster: str, addresses: Sequence[str]) -> list[str]:
    acl = config.clusters[cluster].acl
    return [str(address) for address in acl.outside(addresses)] if acl else []


def _others(cluster: str, nodes: Nodes) -> list[str]:
    return [address for member, addresses in nodes.items() if member != cluster for address in addresses]


def _look_up(members: Sequence[str], suffix: Output[str]) -> Output[Nodes]:
    """The nodes that the members have now, found by the labels that their clusters have at Linode."""
    clusters = linode.get_lke_clusters_output(
        filters=suffix.apply(
            lambda known: [
                linode.GetLkeClustersFilterArgs(name="label", values=[billed_label(name, known) for name in members])
            ]
        )
    )
    instances = linode.get_instances_output(
        filters=clusters.apply(
            lambda found: [
                linode.GetInstancesFilterArgs(
                    name="label", values=[_any_of(cluster.id for cluster in found.lke_clusters)], match_by="regex"
                )
            ]
        )
    )
    return Output.all(suffix=suffix, clusters=clusters, instances=instances).apply(
        lambda known: by_member(members, known["suffix"], known["clusters"].lke_clusters, known["instances"].instances)
    )


def _any_of(clusters: Iterator[int]) -> str:
    """A regular expression for the labels of several clusters' nodes; for those of none it matches nothing."""
    return "|".join(node_labels(str(cluster)) for cluster in clusters) or r"$^"


def by_member(
    members: Sequence[str],
    suffix: str,
    clusters: Sequence[linode.outputs.GetLkeClustersLkeClusterResult],
    instances: Sequence[linode.outputs.GetInstancesInstanceResult] | None,
) -> dict[str, list[str]]:
    """The addresses of each member's nodes, oldest node first; of a member that is not there, none."""
    ids = {cluster.label: str(cluster.id) for cluster in clusters}
    return {
        member: external_ips([one for one in instances or () if re.search(node_labels(ids[label]), one.label)])
        for member in members
        if (label := billed_label(member, suffix)) in ids
    }


async def _if_known(nodes: Output[Nodes]) -> Nodes:
    """Nothing has a suffix in its label that is yet to be made, as in a first preview."""
    return await nodes.future() or {} if await nodes.is_known() else {}
