"""Claims about who may use Karmada and the clusters: the program, operators and viewers."""

import base64
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from fleet.naming import RESERVED_NAMES
from tests.unit.configs import fleet_of, stack
from tests.unit.graph import Graph, Node, Stage, build, built, cluster_id, contains_unmarked, unwrap

REQUEST = "tls:index/certRequest:CertRequest"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
SECRET = "kubernetes:core/v1:Secret"
KEYS = "tls:index/privateKey:PrivateKey"
PROVIDER = "pulumi:providers:kubernetes"
CLUSTERS = ("cluster-manager", "eu", "ap", "us")
VIEWERS_ROLES = [*(f"{cluster}-viewer-role" for cluster in CLUSTERS), "karmada-users-viewer-role"]


@cache
def dev(operator: int = 1, viewer: int = 1) -> Graph:
    """The graph of the checked-in stack, with generations of those who are let in."""
    config = stack("dev")
    return build(config | {"karmada": {"operatorGeneration": operator}, "viewerGeneration": viewer})


def user_of(kubeconfig: str) -> dict[str, str]:
    """How a kubeconfig authenticates, in the clear."""
    [user] = yaml.safe_load(kubeconfig)["users"]
    return {
        key: base64.b64decode(value).decode() if key.endswith("-data") else value for key, value in user["user"].items()
    }


def outputs(graph: Graph) -> Any:
    """What the stack exports, in the clear."""
    return unwrap(graph.outputs["stack"])


def test_the_program_has_an_identity_of_its_own_which_no_binding_can_give_it() -> None:
    graph = dev()
    subject = graph.one(REQUEST, "karmada-program-request").plain()["subject"]
    assert subject == {"commonName": "fleet:program", "organization": "system:masters"}
    provider = graph.one(PROVIDER, "karmada-provider")
    assert user_of(provider.plain()["kubeconfig"]) == {
        "client-certificate-data": "PEM of karmada-program-cert\n",
        "client-key-data": "PEM of karmada-program-key\n",
    }


def test_what_the_program_is_stands_in_no_output() -> None:
    key = base64.b64encode(b"PEM of karmada-program-key\n").decode()
    for component, values in dev().outputs.items():
        assert not contains_unmarked(unwrap(values), key), component


def test_karmadas_provider_stays_the_one_with_which_everything_was_submitted() -> None:
    graph = dev()
    provider = graph.one(PROVIDER, "karmada-provider")
    assert [graph.nodes[urn].type for urn in graph.ancestors(provider)] == [
        "fleet:karmada:ControlPlane",
        "fleet:karmada:Federation",
        "fleet:index:Fleet",
    ], "its URN, which what was submitted refers to, has these in it"
    assert provider.plain()["clusterIdentifier"] == f"karmada-{cluster_id('cluster-manager-cluster')}", (
        "with another one, or none, a kubeconfig that changes replaces all that was submitted"
    )


def test_an_operator_is_in_no_group_and_named_after_a_generation() -> None:
    subject = dev(7).one(REQUEST, "karmada-users-operator-7-request").plain()["subject"]
    assert subject == {"commonName": "fleet:operator:7:x4f2"}


def test_only_the_operators_user_is_bound_to_everything() -> None:
    bindings = [node for node in dev().of_type(BINDING) if node.plain()["roleRef"]["name"] == "cluster-admin"]
    [binding] = bindings
    assert binding.provider_name == "karmada-provider"
    assert binding.plain()["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "fleet:operator:1:x4f2"}
    ]


@pytest.mark.parametrize("who", ["operator", "viewer"])
def test_another_generation_is_another_user_with_another_key_in_the_same_binding(who: str) -> None:
    before, after = dev(), dev(2, 2)
    binding = f"karmada-users-{who}-binding"
    old, new = before.one(BINDING, binding), after.one(BINDING, binding)
    assert old.urn == new.urn
    changed = {key for key in new.plain() if new.plain()[key] != old.plain()[key]}
    assert changed == {"subjects"}, "a roleRef or a name that changes would replace it, and nobody be bound meanwhile"
    assert new.plain()["subjects"][0]["name"] == f"fleet:{who}:2:x4f2"
    keys = [{node.name for node in graph.of_type(KEYS) if who in node.name} for graph in (before, after)]
    assert keys == [{f"karmada-users-{who}-1-key"}, {f"karmada-users-{who}-2-key"}], (
        "with the old key, the new certificate would let the old holder in, and it is no secret"
    )


def test_a_generation_that_comes_again_is_not_the_user_it_was() -> None:
    names = {node.name for node in dev(3).of_type("random:index/randomString:RandomString")}
    assert {"karmada-users-operator-3-user", "karmada-users-viewer-1-user"} <= names


def test_a_kubeconfig_is_known_only_once_its_user_is_bound() -> None:
    graph = dev()
    assert "karmada-users-operator-binding" in graph.exported_after["karmadaKubeconfig"]
    bindings = {*(f"{cluster}-viewer-binding" for cluster in CLUSTERS), "karmada-users-viewer-binding"}
    reached = {name for urn in graph.nodes.values() if urn.name in graph.exported_after["viewKubeconfigs"]
               for name in graph.reaches(urn) | {urn.name}}  # fmt: skip
    assert bindings <= reached


def test_operators_and_viewers_do_not_change_with_each_other() -> None:
    before, after = dev(), dev(2)
    assert outputs(before)["viewKubeconfigs"] == outputs(after)["viewKubeconfigs"]
    assert outputs(before)["karmadaKubeconfig"] != outputs(after)["karmadaKubeconfig"]


def rules_of(graph: Graph, role: str) -> Iterator[tuple[str, str, str]]:
    """Group, resource and verb of everything that a role allows."""
    for rule in graph.one(ROLE, role).plain()["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield group, resource, verb


@pytest.mark.parametrize("role", VIEWERS_ROLES)
def test_a_viewer_reads_and_does_nothing_else(role: str) -> None:
    assert {verb for _, _, verb in rules_of(dev(), role)} == {"get", "list", "watch"}


@pytest.mark.parametrize("role", VIEWERS_ROLES)
def test_a_viewer_reads_nothing_in_which_secrets_are(role: str) -> None:
    resources = {resource for _, resource, _ in rules_of(dev(), role)}
    assert resources.isdisjoint({"*", "secrets", "configmaps", "works"}), (
        "configmaps have values of charts, and works the Secrets that go to members"
    )


@pytest.mark.parametrize("role", VIEWERS_ROLES)
def test_a_viewer_has_no_way_through_an_api_server_to_anything_behind_it(role: str) -> None:
    below = {resource for _, resource, _ in rules_of(dev(), role) if "/" in resource}
    assert below <= {"pods/log"}, "exec, portforward and proxy, of clusters in Karmada too, lead to all that is there"


@pytest.mark.parametrize(
    ("role", "resource"),
    [
        ("eu-viewer-role", "nodes"),
        ("eu-viewer-role", "pods"),
        ("eu-viewer-role", "pods/log"),
        ("eu-viewer-role", "events"),
        ("eu-viewer-role", "deployments"),
        ("eu-viewer-role", "customresourcedefinitions"),
        ("eu-viewer-role", "destinationrules"),
        ("eu-viewer-role", "authorizationpolicies"),
        ("cluster-manager-viewer-role", "statefulsets"),
        ("karmada-users-viewer-role", "clusters"),
        ("karmada-users-viewer-role", "deployments"),
        ("karmada-users-viewer-role", "propagationpolicies"),
        ("karmada-users-viewer-role", "resourcebindings"),
        ("karmada-users-viewer-role", "leases"),
    ],
)
def test_a_viewer_sees_what_runs_where_and_why(role: str, resource: str) -> None:
    assert resource in {found for _, found, _ in rules_of(dev(), role)}


def test_viewers_have_a_kubeconfig_for_every_cluster_and_for_karmada() -> None:
    found = outputs(dev())["viewKubeconfigs"]
    assert found.keys() == {*CLUSTERS, "karmada"}
    for cluster in CLUSTERS:
        assert user_of(found[cluster]) == {"token": f"token-of-{cluster}-viewer-token"}
        server = yaml.safe_load(found[cluster])["clusters"][0]["cluster"]["server"]
        assert server == f"https://{cluster}-cluster.example:6443"
    assert user_of(found["karmada"])["client-key-data"] == "PEM of karmada-users-viewer-1-key\n"


def test_without_karmada_viewers_have_the_clusters_alone() -> None:
    graph = built(fleet_of(1, layers=[]))
    assert outputs(graph)["viewKubeconfigs"].keys() == {"manager", "m0"}


def test_a_token_is_that_of_the_viewers_account_and_ends_with_its_generation() -> None:
    token: Node = dev(viewer=3).one(SECRET, "eu-viewer-token")
    assert token.plain()["type"] == "kubernetes.io/service-account-token"
    assert token.plain()["metadata"] == {
        "name": "fleet-viewer-3",
        "namespace": "kube-system",
        "annotations": {"kubernetes.io/service-account.name": "fleet-viewer"},
    }
    assert "eu-viewer-binding" in dev(viewer=3).reaches(token), "nobody gets a token that may not read yet"


def test_a_context_of_a_viewer_can_stand_beside_the_operators() -> None:
    found = outputs(dev())
    for name, text in found["viewKubeconfigs"].items():
        assert yaml.safe_load(text)["current-context"] == f"{name}-viewer"
    assert yaml.safe_load(found["karmadaKubeconfig"])["current-context"] == "karmada"


def test_every_name_beside_those_of_the_clusters_is_reserved() -> None:
    graph = dev()
    beside = outputs(graph)["viewKubeconfigs"].keys() | {
        node.name.removesuffix("-provider") for node in graph.of_type(PROVIDER)
    }
    assert beside - set(CLUSTERS) == set(RESERVED_NAMES), "a cluster of that name would be taken for it"


@pytest.mark.parametrize("stage", Stage)
def test_no_user_of_karmada_waits_for_a_member(stage: Stage) -> None:
    graph = built(fleet_of(2), stage)
    before = graph.reaches(graph.one(BINDING, "karmada-users-operator-binding"))
    assert not {name for name in before if name.startswith(("m0", "m1"))}, "whoever mends a member has to be let in"
