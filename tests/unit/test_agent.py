"""Claims about the agents: what runs in a member, what it may do in Karmada, and what it keeps to itself."""

from typing import Any

import pytest
import yaml

from tests.unit.configs import fleet_of, stack
from tests.unit.graph import Graph, Node, build, built, is_secret

MEMBERS = ("eu", "ap", "us")
REQUEST = "tls:index/certRequest:CertRequest"
SECRET = "kubernetes:core/v1:Secret"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
CLUSTER = "kubernetes:cluster.karmada.io/v1alpha1:Cluster"


@pytest.fixture(scope="module")
def dev() -> Graph:
    return built(stack("dev"))


@pytest.fixture(scope="module")
def prod() -> Graph:
    return built(stack("prod"))


def deployment(graph: Graph, member: str) -> Any:
    return graph.one(DEPLOYMENT, f"{member}-agent-deployment").plain()


def pod(graph: Graph, member: str) -> Any:
    return deployment(graph, member)["spec"]["template"]["spec"]


def test_no_agent_reports_credentials_of_its_member(dev: Graph) -> None:
    for member in MEMBERS:
        (container,) = pod(dev, member)["containers"]
        assert "--report-secrets=None" in container["command"], "by default a token with all rights goes to Karmada"
        assert f"--cluster-name={member}" in container["command"]


def test_nothing_of_an_agent_has_a_name_that_the_charts_release_takes_along(dev: Graph) -> None:
    """An update uninstalls the release of an earlier Fleet, by name, when all of this is there already."""
    for member in MEMBERS:
        found = [node for node in dev.below(f"{member}-agent") if node.provider_name == f"{member}-provider"]
        names = {node.type: node.plain()["metadata"]["name"] for node in found if "metadata" in node.inputs}
        assert names.pop("kubernetes:core/v1:NamespacePatch") == "kube-system", "which is the cluster's own"
        assert len(names) == 6, names
        assert names.pop("kubernetes:core/v1:Namespace") == "karmada-system", "which no release has"
        assert not {name for name in names.values() if name.startswith("karmada-agent")}


def test_an_agents_server_is_the_endpoint(dev: Graph, prod: Graph) -> None:
    for graph in (dev, prod):
        for member in MEMBERS:
            secret = graph.one(SECRET, f"{member}-agent-kubeconfig")
            kubeconfig = yaml.safe_load(secret.plain()["stringData"]["kubeconfig"])
            assert kubeconfig["clusters"][0]["cluster"]["server"] == graph.outputs["stack"]["karmadaEndpoint"]
            assert is_secret(secret.inputs["stringData"])


def test_every_agent_has_an_identity_of_its_own(dev: Graph) -> None:
    for member in MEMBERS:
        subject = dev.one(REQUEST, f"{member}-agent-identity-request").plain()["subject"]
        assert subject == {"commonName": f"system:karmada:agent:{member}", "organization": "system:karmada:agents"}
        sources = dev.one(SECRET, f"{member}-agent-kubeconfig").sources["stringData"]
        assert f"{member}-agent-identity-key" in {urn.rpartition("::")[2] for urn in sources}


def test_another_endpoint_or_certificate_restarts_the_agents_which_read_both_when_they_start(dev: Graph) -> None:
    for member in MEMBERS:
        annotations = deployment(dev, member)["spec"]["template"]["metadata"]["annotations"]
        assert annotations["fleet/endpoint"] == dev.outputs["stack"]["karmadaEndpoint"]
        assert len(annotations["fleet/certificate"]) == 64


def test_an_agent_that_reports_stays_until_another_is_ready_to(dev: Graph) -> None:
    spec = deployment(dev, "eu")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    (container,) = spec["template"]["spec"]["containers"]
    # It answers there only once it has registered.
    assert container["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": 10357}


def test_nobody_waits_for_an_agent_that_starts_over_until_it_is_registered(dev: Graph) -> None:
    for member in MEMBERS:
        annotations = deployment(dev, member)["metadata"]["annotations"]
        assert annotations == {"pulumi.com/skipAwait": "true"}, "it is ready only once its Cluster object is there"


def test_an_agent_needs_its_rights_before_it_starts(dev: Graph) -> None:
    for member in MEMBERS:
        before = dev.reaches(dev.one(DEPLOYMENT, f"{member}-agent-deployment"))
        assert f"{member}-agent-binding" in before
        # And what it may no longer do is taken from the former one before this one takes its place.
        assert f"{member}-agent-access-registration-role" in before


def test_the_config_says_how_many_agents_run_from_which_image_with_what_and_where() -> None:
    agent = {
        "replicas": 2,
        "image": "registry.example:5000/karmada/karmada-agent",
        "pullSecrets": ["mirror"],
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
        "tolerations": [{"key": "only", "value": "system", "effect": "NoSchedule"}],
    }
    graph = build(fleet_of(1, karmada={"agent": agent}, versions={"karmada": "v1.18.1"}))
    assert deployment(graph, "m0")["spec"]["replicas"] == 2
    found = pod(graph, "m0")
    (container,) = found["containers"]
    assert container["image"] == "registry.example:5000/karmada/karmada-agent:v1.18.1"
    assert container["resources"] == agent["resources"]
    assert found["imagePullSecrets"] == [{"name": "mirror"}]
    assert found["tolerations"] == agent["tolerations"]
    (constraint,) = found["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert constraint["matchLabelKeys"] == ["pod-template-hash"], "else an update may bring both onto one node"


def test_without_config_an_agent_runs_once_in_karmadas_version(dev: Graph) -> None:
    assert deployment(dev, "eu")["spec"]["replicas"] == 1
    (constraint,) = pod(dev, "eu")["topologySpreadConstraints"]
    assert "matchLabelKeys" not in constraint, "a running one starts anew for any change of its pod"
    assert not dev.of_type(BUDGET), "the node of a single one could never be drained"
    assert pod(dev, "eu")["containers"][0]["image"] == "docker.io/karmada/karmada-agent:v1.18.2"


def test_a_member_of_many_nodes_does_not_fall_silent_with_one_of_them(prod: Graph) -> None:
    for member in MEMBERS:
        spec = deployment(prod, member)["spec"]
        assert spec["replicas"] == 2
        budget = prod.one(BUDGET, f"{member}-agent-budget").plain()["spec"]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"] == spec["selector"]


def test_what_an_agents_pod_names_is_where_the_pod_is(prod: Graph) -> None:
    for member in MEMBERS:
        where = deployment(prod, member)["metadata"]["namespace"]
        named = [
            (prod.one(ACCOUNT, f"{member}-agent-account"), pod(prod, member)["serviceAccountName"]),
            (prod.one(SECRET, f"{member}-agent-kubeconfig"), pod(prod, member)["volumes"][0]["secret"]["secretName"]),
            (prod.one(BUDGET, f"{member}-agent-budget"), deployment(prod, member)["metadata"]["name"]),
        ]
        for node, name in named:
            assert node.plain()["metadata"] == {"name": name, "namespace": where}, "it would be looked for in vain"


def test_a_member_joins_as_pull_cluster_with_its_region_and_network(dev: Graph) -> None:
    cluster = dev.one(CLUSTER, "us-agent-cluster").plain()
    assert cluster["metadata"]["labels"] == {
        "topology.kubernetes.io/region": "us-west",
        "topology.istio.io/network": "network2",
    }
    waits_for = "jsonpath={.status.conditions[?@.type=='Ready'].status}=True"
    assert cluster["metadata"]["annotations"]["pulumi.com/waitFor"] == waits_for
    assert cluster["spec"] == {
        "id": "uid-us-agent-kube-system",
        "syncMode": "Pull",
        "provider": "linode",
        "region": "us-west",
    }


def test_a_cluster_object_names_its_agent_so_that_a_former_one_is_noticed_and_handed_over(dev: Graph) -> None:
    for member in MEMBERS:
        cluster = dev.one(CLUSTER, f"{member}-agent-cluster")
        assert cluster.plain()["metadata"]["annotations"]["fleet/agent"] == deployment(dev, member)["metadata"]["name"]
        assert cluster.before_update == (f"{member}-agent-handover",)


def rules_of(graph: Graph, member: str) -> list[tuple[str, dict[str, Any]]]:
    """Namespace (empty for everywhere) and rule of everything that a member's agent may do."""
    roles: list[Node] = graph.of_type(
        "kubernetes:rbac.authorization.k8s.io/v1:Role", "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
    )
    return [
        (role.plain()["metadata"].get("namespace", ""), rule)
        for role in roles
        if role.name.startswith(f"{member}-agent-access")
        for rule in role.plain()["rules"]
    ]


def test_an_agent_may_neither_read_a_secret_of_karmadas_nor_leave_one_there(dev: Graph) -> None:
    for _, rule in rules_of(dev, "eu"):
        assert "secrets" not in rule["resources"], "not even a former one may report, while it is handed over"


def test_an_agent_sees_no_work_but_its_own(dev: Graph) -> None:
    namespaces = {ns for ns, rule in rules_of(dev, "eu") if "work.karmada.io" in rule["apiGroups"]}
    assert namespaces == {"karmada-es-eu"}


def test_an_agent_may_do_nothing_by_wildcard(dev: Graph) -> None:
    for _, rule in rules_of(dev, "eu"):
        for key in ("apiGroups", "resources", "verbs"):
            assert "*" not in rule[key]


def test_an_agent_can_change_no_cluster_but_its_own(dev: Graph) -> None:
    for _, rule in rules_of(dev, "eu"):
        if rule["apiGroups"] == ["cluster.karmada.io"] and not set(rule["verbs"]) <= {"list", "watch"}:
            assert rule["resourceNames"] == ["eu"]


def test_roles_are_bound_to_the_agents_user_alone(dev: Graph) -> None:
    bindings = [
        node
        for node in dev.of_type(
            "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
            "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
        )
        if node.name.startswith("eu-agent-access")
    ]
    assert len(bindings) == 4
    for binding in bindings:
        (subject,) = binding.plain()["subjects"]
        assert (subject["kind"], subject["name"]) == ("User", "system:karmada:agent:eu")
