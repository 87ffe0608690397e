"""Claims about the pods of the program: what they run as, and which credentials they have of their cluster."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.unit.configs import ROOT, fleet_of, stack
from tests.unit.graph import Graph, build, built
from tests.unit.test_backup import SETTINGS

ACCOUNT = "kubernetes:core/v1:ServiceAccount"
USED = ("agent-account", "peer-access-account")
"""An agent's own; and that of peers, which no pod names."""


@pytest.fixture(scope="module")
def fleet() -> Graph:
    """One with everything that has pods."""
    return build(fleet_of(2, karmada={"backup": SETTINGS}))


def pods(graph: Graph) -> Iterator[tuple[str, Any]]:
    """The specs of all pods that the program writes itself, with the names of what makes them."""
    for node in graph.of_type("kubernetes:apps/v1:Deployment"):
        yield node.name, node.plain()["spec"]["template"]["spec"]
    for node in graph.of_type("kubernetes:batch/v1:CronJob"):
        yield node.name, node.plain()["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_no_container_but_an_agents_runs_as_root_or_can_become_it(fleet: Graph) -> None:
    found = {name: pod for name, pod in pods(fleet) if not name.endswith("-agent-deployment")}
    assert found.keys() == {
        "hello.submission.deployment",
        "sleep.submission.deployment",
        "karmada-failover-cron",
        "karmada-backup-cron",
    }
    for name, pod in found.items():
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            context = pod.get("securityContext", {}) | container["securityContext"]
            assert context["runAsNonRoot"] is True, name
            assert context["runAsUser"] == 1000, name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name


def test_no_pod_but_an_agents_has_a_token_of_its_cluster(fleet: Graph) -> None:
    accounts = {node.name: node.plain() for node in fleet.of_type(ACCOUNT)}
    mounted = {name for name, account in accounts.items() if account.get("automountServiceAccountToken") is not False}
    assert mounted == {f"{member}-{account}" for member in ("m0", "m1") for account in USED}
    jobs = {name: pod["automountServiceAccountToken"] for name, pod in pods(fleet) if name.endswith("-cron")}
    assert jobs == {"karmada-failover-cron": False, "karmada-backup-cron": False}


def test_what_runs_in_a_member_is_what_runs_in_fleets_of_today() -> None:
    """Whoever changes a pod's template or a chart's values says so in member.yaml, and in the changelog."""
    graph = built(stack("dev"))
    kinds = ("kubernetes:apps/v1:Deployment", "kubernetes:helm.sh/v3:Release")
    own = ("eu-", "hello.", "sleep.")
    now = {node.name: node.plain() for node in graph.of_type(*kinds) if node.name.startswith(own)}
    # Fingerprints of certificates, and where Karmada is.
    del now["eu-agent-deployment"]["spec"]["template"]["metadata"]["annotations"]
    del now["eu-istio-istiod"]["values"]["podAnnotations"]
    assert now == yaml.safe_load((ROOT / "tests" / "unit" / "member.yaml").read_text())
