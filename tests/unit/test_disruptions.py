"""Claims about what outlasts the loss of a node: replicas, where they are, and who may take them away."""

from typing import Any

import pytest

from tests.unit.configs import ROOT, fleet_of, stack
from tests.unit.graph import Graph, build, built

RELEASE = "kubernetes:helm.sh/v3:Release"
OF_KARMADA = ("scheduler", "webhook", "controllerManager", "aggregatedApiServer", "kubeControllerManager")
OF_THE_MESH = ("m0-istio-istiod", "m0-east-west-release", "m0-ingress-release")
OF_ONE_TEMPLATE = ["pod-template-hash"]


def of_two_nodes(**sections: Any) -> Any:
    """A fleet whose pools have two nodes, with two replicas of everything that can have them."""
    config = fleet_of(1, **{"componentReplicas": 2, "karmada": {"endpoint": "loadBalancer"}} | sections)
    for cluster in config["clusters"].values():
        cluster["pools"]["main"]["count"] = 2
    return config


def values_of(graph: Graph, release: str) -> Any:
    return graph.one(RELEASE, release).plain()["values"]


@pytest.fixture(scope="module")
def two() -> Graph:
    return built(of_two_nodes())


def test_without_a_word_there_is_one_of_everything_and_the_charts_own_defaults() -> None:
    graph = built(stack("dev"))
    karmada = values_of(graph, "karmada-release")
    assert karmada["apiServer"]["replicaCount"] == 1
    assert "podDisruptionBudget" not in karmada["apiServer"], "its node could never be drained"
    for component in OF_KARMADA:
        assert set(karmada[component]) <= {"image", "podAnnotations", "featureGates"}
    keys = {"replicaCount", "autoscaleMin", "autoscaling", "pdb", "podDisruptionBudget", "topologySpreadConstraints"}
    for release in ("eu-istio-istiod", "eu-east-west-release", "eu-ingress-release"):
        assert not keys & set(values_of(graph, release)), "a running fleet would restart it for nothing"


def test_an_api_server_serves_until_the_next_one_is_ready_on_the_same_node() -> None:
    """Also the only one on the only node, which the chart's own anti-affinity would keep to itself."""
    api_server = values_of(built(stack("dev")), "karmada-release")["apiServer"]
    assert api_server["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    (term,) = api_server["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["matchLabelKeys"] == OF_ONE_TEMPLATE, "the next one would wait for the node of this one for ever"


def test_one_that_keeps_every_other_off_its_node_is_left_to_go_first() -> None:
    """What runs since an earlier Fleet would not let the next one start beside it, on a manager of one node."""
    graph = build(stack("dev"), deployed={"apiServersShare": False})
    assert not {"strategy", "affinity"} & set(values_of(graph, "karmada-release")["apiServer"])


def test_one_number_replicates_all_of_karmada_that_keeps_no_data_and_parts_it(two: Graph) -> None:
    values = values_of(two, "karmada-release")
    for component in OF_KARMADA:
        assert values[component]["replicaCount"] == 2
        assert values[component]["podDisruptionBudget"]["maxUnavailable"] == 1
        (wish,) = values[component]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert wish["podAffinityTerm"]["matchLabelKeys"] == OF_ONE_TEMPLATE, "an update may bring both onto one node"
    assert values["apiServer"]["replicaCount"] == 2
    assert values["apiServer"]["podDisruptionBudget"]["maxUnavailable"] == 1
    assert values["etcd"]["internal"]["replicaCount"] == 1, "more never become ready"


@pytest.mark.parametrize("release", OF_THE_MESH)
def test_one_number_replicates_istiod_and_the_gateways_with_their_autoscalers_or_without(
    two: Graph, release: str
) -> None:
    values = values_of(two, release)
    least = values["autoscaleMin"] if "istiod" in release else values["autoscaling"]["minReplicas"]
    assert values["replicaCount"] == least == 2
    budget = values["pdb" if "istiod" in release else "podDisruptionBudget"]
    assert budget == {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    (constraint,) = values["topologySpreadConstraints"]
    assert constraint["matchLabelKeys"] == OF_ONE_TEMPLATE, "an update may bring both onto one node"
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway", "an update has to end while a node is lost"


def test_production_says_first_what_does_not_outlast_a_node() -> None:
    internal = values_of(built(stack("prod")), "karmada-release")["etcd"]["internal"]
    assert internal["replicaCount"] == 1, "what follows is about that"
    first = (ROOT / "Pulumi.prod.yaml").read_text().splitlines()[0]
    assert "etcd is one member" in first


def test_numbers_of_their_own_go_over_the_one_for_all() -> None:
    karmada = {
        "endpoint": "loadBalancer",
        "apiServerReplicas": 1,
        "agent": {"replicas": 1},
        "values": {"webhook": {"replicaCount": 3}},
    }
    graph = build(of_two_nodes(karmada=karmada, ingress={"values": {"autoscaling": {"minReplicas": 4}}}))
    values = values_of(graph, "karmada-release")
    assert (values["apiServer"]["replicaCount"], values["webhook"]["replicaCount"]) == (1, 3)
    assert "podDisruptionBudget" not in values["apiServer"]
    assert graph.one("kubernetes:apps/v1:Deployment", "m0-agent-deployment").plain()["spec"]["replicas"] == 1
    assert values_of(graph, "m0-ingress-release")["autoscaling"]["minReplicas"] == 4
