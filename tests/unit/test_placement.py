"""Claims about Karmada's policies."""

from typing import Any

from fleet.config.settings import Failover
from fleet.karmada.placement import Selected, propagation
from tests.unit.configs import article, fleet_of, stack
from tests.unit.graph import Graph, build, built

PROPAGATION = "kubernetes:policy.karmada.io/v1alpha1:PropagationPolicy"
OVERRIDE = "kubernetes:policy.karmada.io/v1alpha1:OverridePolicy"
OBJECTS = [
    Selected(api_version="apps/v1", kind="Deployment", name="hello"),
    Selected(api_version="v1", kind="Service", name="hello"),
]


def weights_of(graph: Graph, workload: str) -> dict[str, int]:
    spec = graph.one(PROPAGATION, f"{workload}.placement.policy").plain()["spec"]
    entries = spec["placement"]["replicaScheduling"]["weightPreference"]["staticWeightList"]
    return {entry["targetCluster"]["clusterNames"][0]: entry["weight"] for entry in entries}


def test_every_member_weighs_the_same_by_default() -> None:
    graph = built(stack("dev"))
    assert weights_of(graph, "hello") == weights_of(graph, "sleep") == {"eu": 1, "ap": 1, "us": 1}
    names = {node.plain()["metadata"]["name"] for node in graph.of_type(PROPAGATION)}
    assert names == {"hello-propagation", "sleep-propagation"}


def test_weights_come_from_the_stack() -> None:
    weights = {"us": 2, "ap": 1, "eu": 2}
    graph = build(stack("dev") | {"workloads": article(hello={"weights": weights})})
    assert weights_of(graph, "hello") == weights
    assert weights_of(graph, "sleep") == {"eu": 1, "ap": 1, "us": 1}


def test_a_drained_member_keeps_everything_but_its_replicas() -> None:
    raw = stack("dev") | {"workloads": article(hello={"weights": {"us": 2, "ap": 1, "eu": 2}})}
    before = build(raw)
    raw["clusters"]["ap"]["drained"] = True
    after = build(raw)
    assert weights_of(after, "hello") == {"us": 2, "eu": 2}
    assert weights_of(after, "sleep") == {"us": 1, "eu": 1}
    changed = {node.name for node in before.nodes.values() if after.nodes[node.urn].inputs != node.inputs}
    assert changed == {"hello.placement.policy", "sleep.placement.policy"}
    assert after.nodes.keys() == before.nodes.keys()


def test_replicas_are_divided_by_weight() -> None:
    scheduling = propagation(OBJECTS, ["us"], {"us": 1}, Failover())["placement"]["replicaScheduling"]
    assert (scheduling["replicaSchedulingType"], scheduling["replicaDivisionPreference"]) == ("Divided", "Weighted")


def test_hellos_service_goes_to_members_without_a_replica_too() -> None:
    spec = propagation(OBJECTS, ["eu", "us"], {"us": 1}, Failover())
    assert spec["placement"]["clusterAffinity"] == {"clusterNames": ["eu", "us"]}, "its name must resolve everywhere"
    assert {"apiVersion": "v1", "kind": "Service", "name": "hello"} in spec["resourceSelectors"]


def patches_of(graph: Graph, workload: str, member: str) -> dict[str, Any]:
    spec = graph.one(OVERRIDE, f"{workload}.placement.{member}").plain()["spec"]
    (rule,) = spec["overrideRules"]
    assert rule["targetCluster"] == {"clusterNames": [member]}
    return {item["path"]: item["value"] for item in rule["overriders"]["plaintext"]}


def test_hello_answers_with_its_region() -> None:
    (message,) = patches_of(built(stack("dev")), "hello", "us")["/spec/template/spec/containers/0/env"]
    assert message["name"] == "PODINFO_UI_MESSAGE"
    assert message["value"].startswith("REGION=us-west"), "curl hello:5000 | grep REGION must work"


def test_every_workload_has_an_identity_in_every_member() -> None:
    graph = built(stack("dev"))
    for workload in ("hello", "sleep"):
        assert patches_of(graph, workload, "us")["/spec/template/spec/serviceAccountName"] == f"{workload}-us"
    accounts = {
        (node.provider_name, node.plain()["metadata"]["name"])
        for node in graph.of_type("kubernetes:core/v1:ServiceAccount")
        if ".identity." in node.name
    }
    assert accounts == {
        (f"{member}-provider", f"{workload}-{member}")
        for member in ("eu", "ap", "us")
        for workload in ("hello", "sleep")
    }


def test_nothing_is_placed_before_it_is_overridden() -> None:
    graph = built(stack("dev"))
    before = graph.reaches(graph.one(PROPAGATION, "hello.placement.policy"))
    assert {f"hello.placement.{member}" for member in ("eu", "ap", "us")} <= before


def test_the_taint_of_earlier_versions_is_taken_off_and_none_is_put_on() -> None:
    (policy,) = built(stack("dev")).of_type("kubernetes:policy.karmada.io/v1alpha1:ClusterTaintPolicy")
    spec = policy.plain()["spec"]
    assert "addOnConditions" not in spec
    assert spec["removeOnConditions"] == [{"conditionType": "Ready", "operator": "In", "statusValues": ["True"]}]
    assert spec["taints"] == [{"key": "not-ready", "effect": "NoExecute"}]
    assert policy.plain()["metadata"]["name"] == "lost-members", "the policy that put it on is this one"


def test_hello_and_sleep_may_leave_a_lost_member_with_what_they_need() -> None:
    spec = propagation(OBJECTS, ["us"], {"us": 1}, Failover())
    assert spec["failover"] == {"cluster": {"purgeMode": "Gracefully"}}
    assert spec["propagateDeps"]
    assert "clusterTolerations" not in spec["placement"], "no taint evicts"


def test_what_is_submitted_is_waited_for_by_the_fleet_and_not_by_the_provider() -> None:
    """A provider would wait for pods and endpoints that Karmada never has."""
    graph = built(fleet_of(1))
    below = [node for app in ("hello", "sleep") for node in graph.below(f"{app}.submission")]
    assert {node.name for node in below} == {
        "hello.submission.deployment",
        "hello.submission.service",
        "sleep.submission.deployment",
    }
    for node in below:
        assert node.plain()["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}, node.name
    deployments = [node for node in below if node.type == "kubernetes:apps/v1:Deployment"]
    hooks = {node.plain()["metadata"]["name"]: (node.after_create, node.after_update) for node in deployments}
    assert hooks == {app: ((f"{app}.submission.deployment-ready",),) * 2 for app in ("hello", "sleep")}


def test_hello_is_served_as_in_the_article() -> None:
    (service,) = (
        node.plain() for node in built(fleet_of(1)).of_type("kubernetes:core/v1:Service") if "spec" in node.plain()
    )
    (port,) = service["spec"]["ports"]
    assert (port["port"], port["targetPort"], port["name"]) == (5000, 9898, "http")
    assert service["spec"]["selector"] == {"app": "hello"}


def test_what_a_workload_s_replicas_need_is_there_before_they_are_waited_for() -> None:
    """Without a policy a Deployment stays in Karmada, and no replica of it ever comes."""
    graph = built(fleet_of(2))
    for workload in ("hello", "sleep"):
        policies = {node.name for node in graph.below(f"{workload}.placement")}
        assert len(policies) == 3, "one of the workload, and one for it in each member"
        submitted = graph.one("kubernetes:apps/v1:Deployment", f"{workload}.submission.deployment")
        assert submitted.after_create
        assert policies <= graph.reaches(submitted)
