"""The page about a running fleet. Pure: what is shown was asked before (survey.py), and nothing is asked here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from fleet.mesh.values import CROSS_NETWORK_PORT
from fleet.naming import DEFAULT_NAMESPACE
from operations.claims import ANSWERED, NO_ANSWER
from sandbox.clusters.host.layout import DEFAULT_NAME
from sandbox.verify.kubeconfigs import VIEWERS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import RenderableType

    from operations.claims import Claim
    from operations.workloads import Call

_NOTHING: Final = "-"


@dataclass(frozen=True, kw_only=True)
class ClusterView:
    """One cluster as it was found. Members have a network, an agent and replicas; the manager has none."""

    name: str
    region: str
    network: str | None
    version: str
    nodes: int
    ready_nodes: int
    agent: str | None
    replicas: Mapping[str, int]
    """Running pods by workload."""
    node_addresses: tuple[str, ...]
    east_west_gateway: str | None
    ingress: str | None


@dataclass(frozen=True, kw_only=True)
class FleetView:
    """A fleet as it was found."""

    sandbox: str
    workloads: tuple[str, ...]
    """Their names."""
    clusters: tuple[ClusterView, ...]
    calls: Mapping[Call, Mapping[str, Counter[str]]]
    """Answers by region, by the member that called, of each call that an entry allows."""
    karmada_endpoint: str | None
    kubeconfigs: Path
    """The folder with one file a cluster."""
    checked: tuple[Claim, ...]

    @property
    def members(self) -> tuple[ClusterView, ...]:
        """The clusters that run workloads."""
        return tuple(cluster for cluster in self.clusters if cluster.network)


def page(view: FleetView) -> RenderableType:
    """Everything that somebody needs who has just brought a fleet up."""
    return Group(
        _headline(view),
        "",
        _clusters(view),
        "",
        *(part for call in view.calls for part in (_matrix(view, call), "")),
        _addresses(view),
        "",
        _next_steps(view),
    )


def _headline(view: FleetView) -> Text:
    regions = {cluster.region for cluster in view.clusters}
    wrong = [claim for claim in view.checked if not claim.holds]
    text = Text(f"The fleet is up: {len(view.clusters)} clusters in {len(regions)} regions", style="bold")
    if wrong:
        text.append(f"; {len(wrong)} of {len(view.checked)} claims do not hold:", style="bold red")
        for claim in wrong:
            text.append(f"\n  WRONG {claim.text}: {claim.evidence}", style="red")
    elif view.checked:
        text.append(f"; all {len(view.checked)} claims about it hold", style="bold green")
    return text


def _clusters(view: FleetView) -> Table:
    table = _table("cluster", "region", "network", "Kubernetes", "nodes ready", "Karmada's agent", *view.workloads)
    for cluster in view.clusters:
        table.add_row(
            cluster.name,
            cluster.region,
            cluster.network or _NOTHING,
            cluster.version,
            f"{cluster.ready_nodes} of {cluster.nodes}",
            cluster.agent or _NOTHING,
            *(str(cluster.replicas.get(workload, _NOTHING)) for workload in view.workloads),
        )
    total = {workload: sum(each.replicas.get(workload, 0) for each in view.clusters) for workload in view.workloads}
    table.add_section()
    table.add_row("replicas", *[""] * 5, *(str(count) for count in total.values()))
    return table


def _matrix(view: FleetView, call: Call) -> RenderableType:
    seen = view.calls[call]
    regions = list(dict.fromkeys(member.region for member in view.members))
    others = [place for place in (ANSWERED, NO_ANSWER) if any(calls[place] for calls in seen.values())]
    columns = [*(() if others[:1] == [ANSWERED] else regions), *others]
    table = _table(
        f"calls of {call.called} by {call.caller} from",
        *(f"answered by {place}" if place != NO_ANSWER else place for place in columns),
    )
    for member in view.members:
        calls = seen.get(member.name)
        shown = [str(calls[place]) for place in columns] if calls else [_NOTHING] * len(columns)
        table.add_row(f"{member.name} ({member.region})", *shown)
    return table


def _addresses(view: FleetView) -> Group:
    table = _table("addresses, inside the sandbox", "nodes", "east-west gateway", "ingress")
    for cluster in view.clusters:
        gateway, ingress = cluster.east_west_gateway, cluster.ingress
        table.add_row(
            cluster.name,
            ", ".join(cluster.node_addresses),
            f"{gateway}:{CROSS_NETWORK_PORT}" if gateway else _NOTHING,
            f"http://{ingress}/" if ingress else _NOTHING,
        )
    lines = [f"Karmada's API: {view.karmada_endpoint}"] if view.karmada_endpoint else []
    lines += [
        f"kubeconfigs, one a cluster: {view.kubeconfigs}/*.kubeconfig",
        f"the same for who only looks: {view.kubeconfigs / VIEWERS}/*.kubeconfig",
    ]
    return Group(table, *lines)


def _next_steps(view: FleetView) -> Group:
    local = view.sandbox == DEFAULT_NAME
    named = "" if local else f" NAME={view.sandbox}"
    option = "" if local else f" --name {view.sandbox}"
    caller = view.members[-1].name if view.members else ""
    called = [
        f"  kubectl --context {caller}{_namespace(one)} exec deploy/{one.caller} -c {one.caller} -- curl -sS {one.url}"
        for one in list(view.calls)[:1]
    ]
    forwarded = next((member.ingress for member in view.members if member.ingress), None)
    steps = [
        (f"make shell{named}", "a shell in which every cluster is a context of kubectl:"),
        ("  kubectl get clusters; kubectl get deployments", "Karmada's view of the fleet"),
        *((call, "call it as a pod does") for call in called),
        (f"edit Pulumi.sandbox.yaml, then make up{named}", "weights, traffic.mode: global, another region"),
        *(
            [(f'make sandbox ARGS="forward{option} 8080:{forwarded}:80"', "then open http://127.0.0.1:8080")]
            if forwarded
            else []
        ),
        (f"make status{named}", "what runs, and what is unhealthy and why"),
        (f"make down{named}", "all of this gone again"),
    ]
    table = Table.grid(padding=(0, 2))
    for command, why in steps:
        table.add_row(Text(command, style="cyan"), Text(why))
    return Group(Text("Try next", style="bold"), table)


def _namespace(call: Call) -> str:
    return "" if call.caller_namespace == DEFAULT_NAMESPACE else f" --namespace {call.caller_namespace}"


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"
    return table
