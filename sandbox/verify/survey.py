"""What the page about a running fleet shows, asked of the fleet itself."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import HELLO, SLEEP
from sandbox.verify import mesh
from sandbox.verify.karmada import joined
from sandbox.verify.kubeconfigs import KARMADA
from sandbox.verify.member import Client, Member, members
from sandbox.verify.page import ClusterView, FleetView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sandbox.kubernetes.layout import Layout
    from sandbox.verify.claims import Claim

CALLS: Final = 100
"""From each region, for the traffic matrix."""


def survey(
    outputs: Mapping[str, Any], layout: Layout, kubeconfigs: Mapping[str, Path], checked: Sequence[Claim]
) -> FleetView:
    """Look at a fleet: nodes, agents, replicas, and where calls go. `checked` is what was verified before.

    Raises:
        CommandError: a cluster cannot be asked.

    """
    agents = joined(Client(kubeconfig=kubeconfigs[KARMADA], layout=layout)) if KARMADA in kubeconfigs else {}
    found = {member.name: member for member in members(outputs, layout, layout.kubeconfigs)}
    # One after the other, since the calls of one region take the machine's processor from the next.
    calls = {name: _calls(member) for name, member in found.items()}
    with ThreadPoolExecutor() as pool:
        views = pool.map(
            lambda cluster: _view(cluster, outputs, layout, kubeconfigs, found, agents), outputs["clusters"]
        )
        clusters = tuple(views)
    return FleetView(
        sandbox=layout.name,
        clusters=clusters,
        calls=calls,
        karmada_endpoint=outputs.get("karmadaEndpoint"),
        kubeconfigs=layout.kubeconfigs,
        checked=tuple(checked),
    )


def _calls(member: Member) -> Counter[str]:
    return mesh.calls(member, CALLS) if member.running(SLEEP) else Counter()


def _view(
    cluster: Mapping[str, Any],
    outputs: Mapping[str, Any],
    layout: Layout,
    kubeconfigs: Mapping[str, Path],
    found: Mapping[str, Member],
    agents: Mapping[str, tuple[str, str]],
) -> ClusterView:
    name = cluster["name"]
    nodes = Client(kubeconfig=kubeconfigs[name], layout=layout).get("nodes")["items"]
    member = found.get(name)
    mode, ready = agents.get(name, ("", ""))
    return ClusterView(
        name=name,
        region=cluster["region"],
        network=cluster["network"],
        version=nodes[0]["status"]["nodeInfo"]["kubeletVersion"] if nodes else cluster["version"],
        nodes=len(nodes),
        ready_nodes=sum(_is_ready(node) for node in nodes),
        agent=f"{mode}, {'Ready' if ready == 'True' else 'not ready'}" if mode else None,
        replicas={workload: len(member.running(workload)) for workload in (HELLO, SLEEP)} if member else {},
        node_addresses=tuple(outputs["nodeIps"][name]),
        east_west_gateway=outputs["eastWestGateways"].get(name),
        ingress=outputs["ingresses"].get(name),
    )


def _is_ready(node: Mapping[str, Any]) -> bool:
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in node["status"]["conditions"])
