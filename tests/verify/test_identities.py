"""Who asks for what is verified and shown: viewers for all that is only looked at, the operator where it takes more."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.engine.project import CHECKOUT
from sandbox.verify import account, karmada, mesh, pods
from sandbox.verify import calls as from_pods
from sandbox.verify.commands import claims
from sandbox.verify.kubeconfigs import VIEWERS
from sandbox.verify.member import Client, karmada_api, members, views
from sandbox.verify.survey import survey
from tests.article import CALL, WORKLOADS
from tests.e2e.running import CLAIMS
from tests.unit.configs import stack
from tests.verify.test_mesh import certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from operations.claims import Claim
    from sandbox.verify.member import Member, Operator

SETTINGS = {"fleet:workloads": json.dumps(stack("sandbox")["workloads"])}
REGIONS = {"eu": "eu-west", "ap": "ap-south", "us": "us-west"}
"""The members of the fleet that `make up` has."""
READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
CLUSTERS = {"items": [{"metadata": {"name": name}, "spec": {"syncMode": "Pull"}, **READY} for name in REGIONS]}
POD: dict[str, Any] = {
    "metadata": {"name": "hello-1", "uid": "1"},
    "spec": {"nodeName": "node", "containers": [{"name": "hello", "ports": [{"containerPort": 9898}]}]},
    "status": {**READY["status"], "podIP": "10.2.0.4"},
}
NODE = {**READY, "status": {**READY["status"], "nodeInfo": {"kubeletVersion": "v1.35.4"}}}
WEIGHTS = [{"targetCluster": {"clusterNames": [name]}, "weight": 1} for name in REGIONS]
POLICY = {"spec": {"placement": {"replicaScheduling": {"weightPreference": {"staticWeightList": WEIGHTS}}}}}
ROUTER, BEHIND = "198.51.100.1/32", 7
RULE = {"action": "ACCEPT", "protocol": "TCP", "ports": "32443", "addresses": {"ipv4": [ROUTER]}}
FIREWALL = {"id": BEHIND, "status": "enabled", "rules": {"inbound_policy": "DROP", "inbound": [RULE]}}
GATEWAY, ADDRESS, NOW = "10.2.0.9", "203.0.113.10", datetime.now(UTC).isoformat()
BALANCER = {
    "metadata": {"name": "gateway", "namespace": "mesh"},
    "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    "status": {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}},
}
ANSWERS: dict[str, Any] = {
    "clusters.cluster.karmada.io": CLUSTERS,
    "resourcebindings.work.karmada.io": {
        "items": [{"spec": {"resource": {"kind": "Deployment", "name": name}}} for name in WORKLOADS]
    },
    "deployment": {"spec": {"replicas": 3}, "status": {}},
    "propagationpolicy": POLICY,
    "pods": {"items": [POD]},
    "nodes": {"items": [NODE]},
    "secret": {"data": {"kubeconfig": base64.b64encode(b"the agent's").decode()}},
    "works": {"items": []},
    "secrets": {"items": []},
    "serviceaccounts": {"items": []},
    "clusterrolebindings": {"items": []},
    "endpointslices": {"items": [{"endpoints": [{"addresses": [GATEWAY], "conditions": {"ready": True}}]}]},
    "destinationrules.networking.istio.io": {
        "spec": {"trafficPolicy": {"loadBalancer": {"localityLbSetting": {"enabled": False}}}}
    },
    "services": {"items": [BALANCER]},
    "service": {"spec": {"clusterIP": "10.128.0.9"}},
    "cronjob": {
        "metadata": {"creationTimestamp": NOW},
        "spec": {"schedule": "* * * * *", "startingDeadlineSeconds": 600},
        "status": {"lastSuccessfulTime": NOW},
    },
}
"""What kubectl gets, by the kind that is asked for."""
ACCOUNT = {
    "nodebalancers": [{"id": 1, "ipv4": ADDRESS}],
    "nodebalancers/1/configs": [{"port": 80}],
    "lke/clusters": [{"id": number, "label": f"{name}-x4f2"} for number, name in enumerate([*REGIONS, "manager"])],
    "linode/instances": [
        {"id": number, "lke_cluster_id": number, "ipv4": ["198.51.100.1"]} for number in range(len(REGIONS) + 1)
    ],
    "networking/firewalls": [FIREWALL],
    f"networking/firewalls/{BEHIND}/devices": [{"entity": {"id": len(REGIONS), "type": "linode"}}],
    "object-storage/buckets": [{"region": "eu-west", "label": "fleet-backups", "objects": 1}],
}
"""What the account has, by path."""


def _kubeconfig(name: str) -> str:
    document: dict[str, Any] = {kind: [{"name": name}] for kind in ("clusters", "users")}
    return yaml.safe_dump(document | {"contexts": [{"name": name, "context": {}}]})


def _outputs() -> dict[str, Any]:
    clusters = [{"name": name, "region": region, "network": f"net-{name}"} for name, region in REGIONS.items()]
    names = [*REGIONS, "manager"]
    return {
        "clusters": [*clusters, {"name": "manager", "region": "eu-west", "network": None}],
        "kubeconfigs": {name: _kubeconfig(name) for name in names},
        "karmadaEndpoint": "https://198.51.100.1:32443",
        "karmadaFirewall": {"id": str(BEHIND), "manager": "manager", "sources": [ROUTER]},
        "karmadaKubeconfig": _kubeconfig("karmada"),
        "viewKubeconfigs": {name: _kubeconfig(name) for name in [*names, "karmada"]},
        "nodeIps": {name: ["198.51.100.1"] for name in names},
        "eastWestGateways": dict.fromkeys(REGIONS, ADDRESS),
        "ingresses": dict.fromkeys(REGIONS, ADDRESS),
        "failover": True,
        "backups": {"bucket": "fleet-backups", "region": "eu-west"},
    }


def _karmada_and_members(folder: Path) -> tuple[Operator, tuple[Member, ...]]:
    api = karmada_api(_outputs(), Layout("none"), folder)
    assert api
    return api, members(_outputs(), Layout("none"), folder)


def _said_inside(arguments: Sequence[str]) -> str:
    """What a command in a pod prints."""
    line = " ".join(arguments)
    if "endpointShardz" in line:
        endpoint = {"Addresses": [GATEWAY], "HealthStatus": 1}
        shards = {f"Kubernetes/{name}": [endpoint] for name in REGIONS}
        service = "istio-eastwestgateway.istio-system.svc.cluster.local"
        return json.dumps({service: {"istio-system": {"Shards": shards}}})
    if "config_dump" in line:
        chain = [certificate("leaf", "root"), certificate("root", "root")]
        pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
        content = {"inline_bytes": base64.b64encode(pem).decode()}
        secret = {"name": "default", "tls_certificate": {"certificate_chain": content}}
        return json.dumps({"configs": [{"name": "default", "secret": secret}]})
    if "clusters?format=json" in line:
        address = {"socket_address": {"address": ADDRESS, "port_value": 15443}}
        hosts = [{"address": address, "stats": [{"name": "rq_total"}]}]
        return json.dumps({"cluster_statuses": [{"name": from_pods.outbound(CALL), "host_statuses": hosts}]})
    return "REGION=eu-west\nREGION=us-west\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Who has asked for what since: an operator, a viewer or an agent, and kubectl's verb."""
    seen: list[tuple[str, str]] = []

    def kubectl(self: Client, *arguments: str, **_: Any) -> str:
        who = "viewer" if self.kubeconfig.parent.name == VIEWERS else "operator"
        seen.append(("agent" if "agent" in self.kubeconfig.name else who, arguments[0]))
        if arguments[0] == "get":
            # Karmada's API is at a node of the manager's.
            served = (self.kubeconfig.stem, arguments[1]) != ("manager", "services")
            return json.dumps(ANSWERS[arguments[1]] if served else {"items": []})
        return _said_inside(arguments) if arguments[0] == "exec" else ""

    def curl(*line: str, timeout_seconds: float = 0.0) -> str:
        if "nsenter --target=" in " ".join(line):
            return "REGION=eu-west\nREGION=us-west\n"
        if line[-1].endswith(":9898/"):
            raise CommandError(line, "curl: (56) Recv failure: Connection reset by peer")
        return "REGION=eu-west"

    monkeypatch.setattr(Client, "kubectl", kubectl)
    monkeypatch.setattr(mesh, "run", curl)
    monkeypatch.setattr(from_pods, "run", curl)
    monkeypatch.setattr(pods, "process_of", lambda uid: 1)
    monkeypatch.setattr(account, "ask", lambda _, path: {"data": ACCOUNT[path.partition("?")[0]]})
    monkeypatch.setattr(karmada, "_UNPLACED_SECONDS", 0.0)
    return seen


NEEDS_MORE: list[tuple[Callable[[str], bool], set[tuple[str, str]]]] = [
    (lambda text: text.startswith("a Deployment without a policy"), {("operator", "apply"), ("operator", "delete")}),
    (lambda text: text.startswith("Karmada has no credentials"), {("operator", "get")}),
    (lambda text: text.startswith("the agent of"), {("operator", "get"), ("agent", "get")}),
    (lambda text: text.startswith("istiod of"), {("operator", "exec")}),
    (lambda text: text.startswith("certificates of all members"), {("operator", "exec")}),
    (lambda text: text.endswith("through east-west gateways alone"), {("operator", "exec")}),
]
"""The claims that take more than a viewer has, and what for."""


def test_claims_take_the_operators_identity_for_what_they_name_and_nothing_else(
    asked: list[tuple[str, str]], tmp_path: Path
) -> None:
    checked = 0
    for claim in claims(_outputs(), SETTINGS, Layout("none"), tmp_path):
        more = {request for matches, requests in NEEDS_MORE if matches(claim.text) for request in requests}
        assert {request for request in asked if request[0] != "viewer"} == more, claim.text
        assert {verb for who, verb in asked if who == "viewer"} <= {"get"}
        asked.clear()
        checked += 1
    assert checked == sum(CLAIMS.values())


@pytest.mark.parametrize(
    ("about", "made"),
    [
        ("karmada", lambda folder: karmada.claims(*_karmada_and_members(folder), folder, WORKLOADS)),
        ("mesh", lambda folder: mesh.claims(_karmada_and_members(folder)[1], _outputs()["ingresses"], WORKLOADS)),
    ],
    ids=["karmada", "mesh"],
)
@pytest.mark.usefixtures("asked")
def test_as_many_claims_as_the_tests_expect_are_there(
    about: str, made: Callable[[Path], Iterator[Claim]], tmp_path: Path
) -> None:
    assert len(list(made(tmp_path))) == CLAIMS[about]


def test_the_readme_shows_as_many_claims_as_there_are() -> None:
    assert f"; all {sum(CLAIMS.values())} claims about it hold\n" in (CHECKOUT / "README.md").read_text()


def test_the_page_is_seen_by_viewers_alone(asked: list[tuple[str, str]], tmp_path: Path) -> None:
    layout = Layout("none")
    seen = survey(_outputs(), layout, views(_outputs(), layout, tmp_path), workloads=WORKLOADS, calls={}, checked=())
    assert [(cluster.name, cluster.agent, cluster.ready_nodes) for cluster in seen.clusters] == [
        ("eu", "Pull, Ready", 1),
        ("ap", "Pull, Ready", 1),
        ("us", "Pull, Ready", 1),
        ("manager", None, 1),
    ]
    assert set(asked) == {("viewer", "get")}
