"""The README's picture, drawn from the resource graph of the dev stack: ``python -m docs.picture`` puts it there.

The graph is the drained one of the unit tests, so the picture cannot show what the program does not build.
"""

from pathlib import Path
from typing import Final

from tests.unit.configs import ROOT, stack
from tests.unit.graph import Graph, build

README: Final = ROOT / "README.md"
BEGIN: Final = "<!-- picture: made by `make picture` -->\n```mermaid\n"
END: Final = "```\n<!-- end of picture -->"


def draw(graph: Graph) -> str:
    """A Mermaid flowchart: a box for each cluster, what runs in it, and who talks to whom."""
    # In the order of the config; registrations may overtake each other.
    clusters = [cluster["name"] for cluster in graph.outputs["stack"]["clusters"]]
    lines = ["flowchart TB"]
    joined = {node.name.removesuffix("-agent") for node in graph.of_type("fleet:karmada:Agent")}
    for name in clusters:
        inputs = graph.one("linode:index/lkeCluster:LkeCluster", f"{name}-cluster").plain()
        lines += [f'  subgraph {_id(name)}["{name} in {inputs["region"]}"]']
        lines += [f"    {line}" for line in (_member(graph, name) if name in joined else _manager(graph))]
        lines += ["  end"]
    lines += [f'  {_id(name)}_agent -- "pulls work" --> karmada' for name in clusters if name in joined]
    lines += [
        f'  {_id(reader)}_gateway <-- "mutual TLS, 15443" --> {_id(peer)}_gateway'
        for reader, peer in _pairs(graph)
        if reader < peer
    ]
    return "\n".join(lines) + "\n"


def _manager(graph: Graph) -> list[str]:
    (control_plane,) = graph.of_type("fleet:karmada:ControlPlane")
    policies = graph.of_type("kubernetes:policy.karmada.io/v1alpha1:PropagationPolicy")
    names = ", ".join(sorted(node.plain()["metadata"]["name"] for node in policies))
    return [f'{control_plane.name}["Karmada<br/>{names}"]']


def _member(graph: Graph, name: str) -> list[str]:
    network = graph.one("kubernetes:core/v1:Namespace", f"{name}-istio-namespace").plain()["metadata"]["labels"]
    submitted = [node for node in graph.below("workloads") if node.type == "kubernetes:apps/v1:Deployment"]
    workloads = sorted(node.plain()["metadata"]["name"] for node in submitted)
    key = _id(name)
    return [
        f'{key}_agent["Karmada agent"]',
        f'{key}_workloads["{", ".join(workloads)}<br/>with sidecars"]',
        f'{key}_gateway["east-west gateway<br/>{network["topology.istio.io/network"]}"]',
        f'{key}_ingress["ingress gateway"] --> {key}_workloads',
        f"{key}_gateway --> {key}_workloads",
    ]


def _pairs(graph: Graph) -> list[tuple[str, str]]:
    found = (node.name.split("-reads-") for node in graph.of_type("fleet:mesh:Peering"))
    return sorted((reader, peer) for reader, peer in found)


def _id(name: str) -> str:
    return name.replace("-", "_")


def placed(readme: str, picture: str) -> str:
    """The README's text with the picture between its marks."""
    before, rest = readme.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return before + BEGIN + picture + END + after


if __name__ == "__main__":
    Path(README).write_text(placed(README.read_text(), draw(build(stack("dev")))))
