"""Who asks for what is verified and shown: viewers for all that is only looked at, the operator where it takes more."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sandbox.kubernetes.layout import Layout
from sandbox.verify import karmada
from sandbox.verify.kubeconfigs import VIEWERS
from sandbox.verify.member import Client, karmada_api, members, views
from sandbox.verify.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REGIONS = {"eu": "eu-west", "us": "us-west"}
READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
CLUSTERS = {"items": [{"metadata": {"name": name}, "spec": {"syncMode": "Pull"}, **READY} for name in REGIONS]}
POD = {"metadata": {"name": "hello-1"}, **READY}
NODE = {**READY, "status": {**READY["status"], "nodeInfo": {"kubeletVersion": "v1.35.4"}}}
WEIGHTS = [{"targetCluster": {"clusterNames": [name]}, "weight": 1} for name in REGIONS]
POLICY = {"spec": {"placement": {"replicaScheduling": {"weightPreference": {"staticWeightList": WEIGHTS}}}}}
ANSWERS: dict[str, Any] = {
    "clusters.cluster.karmada.io": CLUSTERS,
    "resourcebindings.work.karmada.io": {"items": [{"spec": {"resource": {"kind": "Deployment", "name": "hello"}}}]},
    "deployment": {"spec": {"replicas": 2}, "status": {}},
    "propagationpolicy": POLICY,
    "pods": {"items": [POD]},
    "nodes": {"items": [NODE]},
    "secret": {"data": {"kubeconfig": base64.b64encode(b"the agent's").decode()}},
    "works": {"items": []},
    "secrets": {"items": []},
    "serviceaccounts": {"items": []},
    "clusterrolebindings": {"items": []},
}
"""What kubectl gets, by the kind that is asked for."""


def _kubeconfig(name: str) -> str:
    document: dict[str, Any] = {kind: [{"name": name}] for kind in ("clusters", "users")}
    return yaml.safe_dump(document | {"contexts": [{"name": name, "context": {}}]})


def _outputs() -> dict[str, Any]:
    clusters = [{"name": name, "region": region, "network": f"net-{name}"} for name, region in REGIONS.items()]
    names = [*REGIONS, "manager"]
    return {
        "clusters": [*clusters, {"name": "manager", "region": "eu-west", "network": None}],
        "kubeconfigs": {name: _kubeconfig(name) for name in names},
        "karmadaKubeconfig": _kubeconfig("karmada"),
        "viewKubeconfigs": {name: _kubeconfig(name) for name in [*names, "karmada"]},
        "nodeIps": {name: ["198.51.100.1"] for name in names},
        "eastWestGateways": {},
        "ingresses": {},
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Who has asked for what since: an operator, a viewer or an agent, and kubectl's verb."""
    seen: list[tuple[str, str]] = []

    def kubectl(self: Client, *arguments: str, **_: Any) -> str:
        who = "viewer" if self.kubeconfig.parent.name == VIEWERS else "operator"
        seen.append(("agent" if "agent" in self.kubeconfig.name else who, arguments[0]))
        if arguments[0] == "get":
            return json.dumps(ANSWERS[arguments[1]])
        return "REGION=eu-west"

    monkeypatch.setattr(Client, "kubectl", kubectl)
    monkeypatch.setattr(karmada, "_UNPLACED_SECONDS", 0.0)
    return seen


NEEDS_MORE: list[tuple[Callable[[str], bool], set[tuple[str, str]]]] = [
    (lambda text: text.startswith("a Deployment without a policy"), {("operator", "apply"), ("operator", "delete")}),
    (lambda text: text.startswith("hello answers in"), {("operator", "exec")}),
    (lambda text: text.startswith("Karmada has no credentials"), {("operator", "get")}),
    (lambda text: text.startswith("the agent of"), {("operator", "get"), ("agent", "get")}),
]
"""The claims about Karmada that take more than a viewer has, and what for."""


def test_claims_about_karmada_take_the_operators_identity_for_what_they_name_and_nothing_else(
    asked: list[tuple[str, str]], tmp_path: Path
) -> None:
    layout = Layout("none")
    api = karmada_api(_outputs(), layout, tmp_path)
    assert api
    checked = 0
    for claim in karmada.claims(api, members(_outputs(), layout, tmp_path), tmp_path):
        more = {request for matches, requests in NEEDS_MORE if matches(claim.text) for request in requests}
        assert {request for request in asked if request[0] != "viewer"} == more, claim.text
        assert {verb for who, verb in asked if who == "viewer"} <= {"get"}
        asked.clear()
        checked += 1
    assert checked == 9, "members, credentials, no policy, two workloads, and two answers and two agents"


def test_the_page_is_seen_by_viewers_alone(asked: list[tuple[str, str]], tmp_path: Path) -> None:
    layout = Layout("none")
    seen = survey(_outputs(), layout, views(_outputs(), layout, tmp_path), calls={}, checked=())
    assert [(cluster.name, cluster.agent, cluster.ready_nodes) for cluster in seen.clusters] == [
        ("eu", "Pull, Ready", 1),
        ("us", "Pull, Ready", 1),
        ("manager", None, 1),
    ]
    assert set(asked) == {("viewer", "get")}
