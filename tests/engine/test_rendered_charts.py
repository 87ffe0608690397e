"""What is taken for granted about the charts of Karmada and Istio, looked at in the charts themselves by Helm."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fleet.charts import merged
from fleet.karmada import encryption
from fleet.karmada.values import ENCRYPTION_ANNOTATION
from fleet.karmada.volume import CLAIM
from fleet.naming import EAST_WEST_GATEWAY, INGRESS_GATEWAY, KARMADA_NAMESPACE
from fleet.versions import IMAGES, ISTIO_CHART
from policies.guardrails.rules.versions import LATEST_BY_DEFAULT, unpinned
from sandbox.charts.staging import stage
from sandbox.toolchain import tool_path
from tests.unit.configs import stack
from tests.unit.graph import build, built
from tests.unit.test_backup import RECIPIENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

PARTS = LATEST_BY_DEFAULT["karmada"]


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts") / "charts"
    stage(folder)
    return folder


@pytest.fixture(scope="module")
def chart(charts: Path) -> Path:
    return charts / "karmada" / "karmada"


def moving(chart: Path, values: dict[str, Any]) -> set[str]:
    """The images that the chart would run with these values, and that move."""
    return {image for document in rendered(chart, values) for image in _images(document) if unpinned(image)}


def rendered(chart: Path, values: dict[str, Any], release: str = "karmada") -> list[Any]:
    done = subprocess.run(
        [
            str(tool_path("helm")),
            "template",
            release,
            str(chart),
            f"--namespace={KARMADA_NAMESPACE}",
            "--values",
            "-",
        ],
        input=yaml.safe_dump(values),
        capture_output=True,
        text=True,
        check=True,
    )
    # Python's own parser takes seconds for the definitions of Karmada's chart.
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(image := value.get("image"), str):
            yield image
        for below in value.values():
            yield from _images(below)
    elif isinstance(value, list):
        for below in value:
            yield from _images(below)


@pytest.mark.parametrize("mode", PARTS)
def test_the_parts_with_latest_by_default_are_those_of_the_table(mode: str, chart: Path) -> None:
    tags = {part: {"image": {"tag": "v1.18.2"}} for part in PARTS[mode]}
    assert moving(chart, {"installMode": mode, **tags}) == set(), "a part is missing in the table"
    for part in PARTS[mode]:
        others = {other: tag for other, tag in tags.items() if other != part}
        assert moving(chart, {"installMode": mode, **others}) != set(), f"{part} has a tag of its own by now"


def test_agents_run_as_the_charts_do_but_report_no_credentials(chart: Path) -> None:
    agent = {"clusterName": "us", "kubeconfig": {"server": "https://karmada.example"}, "image": {"tag": "v1.18.2"}}
    theirs = {document["kind"]: document for document in rendered(chart, {"installMode": "agent", "agent": agent})}
    graph = built(stack("dev"))
    ours = graph.one("kubernetes:apps/v1:Deployment", "us-agent-deployment").plain()["spec"]["template"]["spec"]
    (container,) = ours["containers"]
    pod = theirs["Deployment"]["spec"]["template"]["spec"]
    (expected,) = pod["containers"]
    container["command"].remove("--report-secrets=None")
    for part in ("command", "image", "imagePullPolicy", "env", "volumeMounts"):
        assert container[part] == expected[part], part
    # The scheme and the protocol are Kubernetes' own defaults.
    probe = expected["livenessProbe"]
    assert container["livenessProbe"] == probe | {"httpGet": {"path": "/healthz", "port": 10357}}
    assert container["ports"] == [{"name": "metrics", "containerPort": 8080}]
    assert (ours["priorityClassName"], [volume["name"] for volume in ours["volumes"]]) == (
        pod["priorityClassName"],
        [volume["name"] for volume in pod["volumes"]],
    )
    role = graph.one("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "us-agent-role").plain()
    assert role["rules"] == theirs["ClusterRole"]["rules"]


def test_the_api_server_gets_its_keys_of_encryption_from_the_secret(chart: Path) -> None:
    values = built(stack("dev")).one("kubernetes:helm.sh/v3:Release", "karmada-release").plain()["values"]
    deployments = {
        document["metadata"]["name"]: document
        for document in rendered(chart, values)
        if document and document["kind"] == "Deployment"
    }
    pod = deployments["karmada-apiserver"]["spec"]["template"]
    [container] = pod["spec"]["containers"]
    [flag] = [word for word in container["command"] if word.startswith("--encryption-provider-config=")]
    [mount] = [one for one in container["volumeMounts"] if one["mountPath"] == flag.partition("=")[2]]
    [volume] = [one for one in pod["spec"]["volumes"] if one["name"] == mount["name"]]
    assert (volume["secret"]["secretName"], mount["subPath"]) == (encryption.SECRET, encryption.SECRET_KEY)
    annotated = {
        name
        for name, document in deployments.items()
        if ENCRYPTION_ANNOTATION in (document["spec"]["template"]["metadata"].get("annotations") or {})
    }
    assert annotated == {"karmada-apiserver"}, "nobody else restarts with the keys"


def test_every_image_that_a_fleet_runs_is_pinned_and_no_other(charts: Path, chart: Path) -> None:
    config = stack("prod")
    config["karmada"]["backup"] = {"bucket": "backups", "region": "eu-west", "recipient": RECIPIENT}
    graph = build(config)
    release = "kubernetes:helm.sh/v3:Release"
    istiod = graph.one(release, "eu-istio-istiod").plain()["values"]
    # Charts between two releases have no tag of their own.
    istiod["global"]["tag"] = ISTIO_CHART
    documents = [
        *rendered(chart, graph.one(release, "karmada-release").plain()["values"]),
        *rendered(charts / "istio" / "istiod", istiod),
        *(node.plain() for node in graph.nodes.values() if node.type != release),
    ]
    run = {image for document in documents for image in _images(document)}
    sidecars = {f"{istiod['global']['hub']}/proxyv2:{ISTIO_CHART}"}
    assert run | sidecars == {str(pin) for pin in IMAGES}


def test_the_claim_of_etcd_is_called_as_its_stateful_set_makes_it(chart: Path) -> None:
    values = built(stack("dev")).one("kubernetes:helm.sh/v3:Release", "karmada-release").plain()["values"]
    [etcd] = [document for document in rendered(chart, values) if document and document["kind"] == "StatefulSet"]
    [template] = etcd["spec"]["volumeClaimTemplates"]
    assert f"{template['metadata']['name']}-{etcd['metadata']['name']}-0" == CLAIM
    assert etcd["spec"]["replicas"] == 1
    assert "persistentVolumeClaimRetentionPolicy" not in etcd["spec"], "the chart could remove its claim by now"


RELIEVED = yaml.safe_load("""
apiServer: {affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: []}}}
""")
"""What docs/karmada.md has a user write, for one update, over what an earlier Fleet made."""


@pytest.mark.parametrize(
    ("values", "before", "unavailable", "keeping_off"),
    [
        ({}, False, 1, ["every other one"]),
        (RELIEVED, False, 1, []),
        ({}, True, 0, ["those of its own template"]),
    ],
)
def test_an_api_server_is_given_the_node_of_the_one_before_by_the_way_that_the_documents_have(
    chart: Path, values: dict[str, Any], before: bool, unavailable: int, keeping_off: list[str]
) -> None:
    """`before` is whether the one that runs bears the next one; where it does not, it has to go first."""
    config = stack("dev") | {"karmada": {"values": values}}
    graph = build(config, deployed={"apiServersShare": before})
    release = graph.one("kubernetes:helm.sh/v3:Release", "karmada-release").plain()["values"]
    spec = of_kind(rendered(chart, release), "Deployment")["karmada-apiserver"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": unavailable, "maxSurge": 1}
    terms = spec["template"]["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    among = {None: "every other one", "pod-template-hash": "those of its own template"}
    assert [among[(term.get("matchLabelKeys") or [None])[0]] for term in terms] == keeping_off


def of_kind(documents: list[Any], kind: str) -> dict[str, Any]:
    """The specs of one kind by name."""
    found = [document for document in documents if document and document["kind"] == kind]
    return {document["metadata"]["name"]: document["spec"] for document in found}


def least(documents: list[Any], deployment: str) -> int:
    """How many replicas a Deployment has at least, whoever counts them."""
    if scaler := of_kind(documents, "HorizontalPodAutoscaler").get(deployment):
        return int(scaler["minReplicas"])
    return int(of_kind(documents, "Deployment")[deployment]["replicas"])


def selects(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a label selector means pods with these labels."""
    wanted = dict(selector.get("matchLabels", {}))
    wanted |= {rule["key"]: rule["values"][0] for rule in selector.get("matchExpressions", ())}
    return wanted.items() <= labels.items()


def outlasts_a_node(documents: list[Any], deployment: str) -> None:
    """Assert that a Deployment has replicas, that they part, and that a drain takes one of them at a time."""
    template = of_kind(documents, "Deployment")[deployment]["template"]
    labels = template["metadata"]["labels"]
    assert least(documents, deployment) == 2, deployment
    budgets = of_kind(documents, "PodDisruptionBudget").values()
    (budget,) = [budget for budget in budgets if selects(budget["selector"], labels)]
    assert (budget.get("minAvailable"), budget["maxUnavailable"]) == (None, 1), deployment
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow", deployment
    anti_affinity = template["spec"].get("affinity", {}).get("podAntiAffinity", {})
    wishes = anti_affinity.get("preferredDuringSchedulingIgnoredDuringExecution", ())
    parting = [
        *template["spec"].get("topologySpreadConstraints", ()),
        *anti_affinity.get("requiredDuringSchedulingIgnoredDuringExecution", ()),
        *(wish["podAffinityTerm"] for wish in wishes),
    ]
    assert [term["topologyKey"] for term in parting] == ["kubernetes.io/hostname"], deployment
    assert selects(parting[0]["labelSelector"], labels), deployment


def test_all_of_karmada_that_keeps_no_data_outlasts_a_node(chart: Path) -> None:
    values = built(stack("prod")).one("kubernetes:helm.sh/v3:Release", "karmada-release").plain()["values"]
    documents = rendered(chart, values)
    deployments = set(of_kind(documents, "Deployment"))
    assert len(deployments) == 6, deployments
    for deployment in deployments:
        outlasts_a_node(documents, deployment)


@pytest.mark.parametrize("autoscaled", [True, False])
@pytest.mark.parametrize(
    ("name", "chart_name", "deployment"),
    [
        ("eu-istio-istiod", "istiod", "istiod"),
        ("eu-east-west-release", "gateway", EAST_WEST_GATEWAY),
        ("eu-ingress-release", "gateway", INGRESS_GATEWAY),
    ],
)
def test_istiod_and_gateways_outlast_a_node_with_their_autoscalers_and_without(
    charts: Path, name: str, chart_name: str, deployment: str, autoscaled: bool
) -> None:
    values = built(stack("prod")).one("kubernetes:helm.sh/v3:Release", name).plain()["values"]
    if not autoscaled:
        values = merged(
            values, {"autoscaling": {"enabled": False}} if chart_name == "gateway" else {"autoscaleEnabled": False}
        )
    documents = rendered(charts / "istio" / chart_name, values, deployment)
    assert bool(of_kind(documents, "HorizontalPodAutoscaler")) is autoscaled
    outlasts_a_node(documents, deployment)
