"""What the page about a running fleet shows, asked of the fleet itself by looking alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fleet.naming import KARMADA
from sandbox.verify.karmada import joined
from sandbox.verify.page import ClusterView, FleetView

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from fleet.config.workloads import Workload
    from operations.claims import Claim
    from operations.workloads import Call
    from sandbox.clusters.host.layout import Layout
    from sandbox.verify.member import View


def survey(
    outputs: Mapping[str, Any],
    layout: Layout,
    views: Mapping[str, View],
    *,
    workloads: Mapping[str, Workload],
    calls: Mapping[Call, Mapping[str, Counter[str]]],
    checked: Sequence[Claim],
) -> FleetView:
    """Look at a fleet: nodes, agents and replicas. `calls` and `checked` are what was tried before.

    Raises:
        CommandError: a cluster cannot be asked.

    """
    agents = joined(views[KARMADA]) if KARMADA in views else {}
    with ThreadPoolExecutor() as pool:
        clusters = pool.map(
            lambda cluster: _view(cluster, outputs, views[cluster["name"]], agents, workloads),
            # Nothing is asked of an expelled one, which may not answer.
            (cluster for cluster in outputs["clusters"] if not cluster.get("expelled")),
        )
        found = tuple(clusters)
    return FleetView(
        sandbox=layout.name,
        workloads=tuple(sorted(workloads)),
        clusters=found,
        calls=calls,
        karmada_endpoint=outputs.get("karmadaEndpoint"),
        kubeconfigs=layout.kubeconfigs,
        checked=tuple(checked),
    )


def _view(
    cluster: Mapping[str, Any],
    outputs: Mapping[str, Any],
    view: View,
    agents: Mapping[str, tuple[str, str]],
    workloads: Mapping[str, Workload],
) -> ClusterView:
    name = cluster["name"]
    nodes = view.get("nodes")["items"]
    mode, ready = agents.get(name, ("", ""))
    return ClusterView(
        name=name,
        region=cluster["region"],
        network=cluster["network"],
        version=nodes[0]["status"]["nodeInfo"]["kubeletVersion"] if nodes else cluster["version"],
        nodes=len(nodes),
        ready_nodes=sum(_is_ready(node) for node in nodes),
        agent=f"{mode}, {'Ready' if ready == 'True' else 'not ready'}" if mode else None,
        replicas={
            workload: len(view.running(workload, entry.namespace)) for workload, entry in sorted(workloads.items())
        }
        if cluster["network"]
        else {},
        node_addresses=tuple(outputs["nodeIps"][name]),
        east_west_gateway=outputs["eastWestGateways"].get(name),
        ingress=outputs["ingresses"].get(name),
    )


def _is_ready(node: Mapping[str, Any]) -> bool:
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in node["status"]["conditions"])
