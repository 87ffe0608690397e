"""docs/rights.md shows every right that the program gives, and each says what it is for."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from docs import rights
from fleet.rights import WHY
from tests.unit.configs import stack
from tests.unit.graph import Graph, Node, build

GROUP = "kubernetes:rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def graphs() -> list[Graph]:
    return [build(stack(name)) for name in rights.STACKS]


def with_more(graph: Graph, *nodes: tuple[str, dict[str, Any]], cluster: str = "us") -> list[Graph]:
    """A fleet that has more resources in the cluster of a name: their kind and inputs."""
    [provider] = {node.provider for node in graph.nodes.values() if node.provider_name == f"{cluster}-provider"}
    more = {
        f"urn:more:{index}": Node(
            urn=f"urn:more:{index}",
            type=f"{GROUP}:{kind}",
            name=f"more-{index}",
            parent="",
            inputs=inputs,
            dependencies=frozenset(),
            provider=provider,
            protect=False,
            ignore_changes=(),
            secret_outputs=(),
        )
        for index, (kind, inputs) in enumerate(nodes)
    }
    return [dataclasses.replace(graph, nodes=graph.nodes | more)]


def rows(graphs: Sequence[Graph]) -> list[str]:
    return rights.table(graphs).splitlines()


def test_the_table_shows_what_the_program_gives(graphs: list[Graph]) -> None:
    text = rights.PAGE.read_text(encoding="utf-8")
    assert text == rights.page_with(text, rights.table(graphs)), "run: python -m docs.rights"


def test_every_right_says_what_it_is_for(graphs: list[Graph]) -> None:
    unexplained = [row for row in rows(graphs) if rights.UNEXPLAINED in row]
    assert unexplained == [], f"give its role the annotation {WHY}: fleet/rights.py does"


def test_a_new_right_shows_up(graphs: list[Graph]) -> None:
    role = {
        "metadata": {"name": "robot", "namespace": "default", "annotations": {WHY: "it watches us"}},
        "rules": [
            {"apiGroups": ["", "apps"], "resources": ["pods", "deployments/scale"], "verbs": ["get", "patch"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"], "resourceNames": ["us", "key"]},
        ],
    }
    binding = {
        "metadata": {"name": "robot", "namespace": "default"},
        "roleRef": {"kind": "Role", "name": "robot"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "robot", "namespace": "default"},
            {"kind": "Group", "name": "g"},
        ],
    }
    more = set(rows(with_more(graphs[0], ("Role", role), ("RoleBinding", binding)))) - set(rows(graphs[:1]))
    assert more == {
        "| some members, in `default` | service account `default/robot`, group `g` "
        "| get, patch `pods`, `deployments/scale`, `pods.apps`, `deployments/scale.apps`"
        "<br>* `secrets` named `MEMBER`, `key` | Role `robot` | it watches us |"
    }


def test_a_role_of_somebody_else_is_named_and_has_to_be_explained_too(graphs: list[Graph]) -> None:
    binding = {
        "metadata": {"name": "admins"},
        "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": "me"}],
    }
    graph = with_more(graphs[0], ("ClusterRoleBinding", binding), cluster="cluster-manager")
    [row] = set(rows(graph)) - set(rows(graphs[:1]))
    assert row == (
        "| the manager | user `me` | what `cluster-admin` allows, which is not of the program "
        f"| ClusterRole `cluster-admin` | {rights.UNEXPLAINED} |"
    )


def test_a_role_that_nobody_has_is_shown_as_well(graphs: list[Graph]) -> None:
    role = {"metadata": {"name": "spare"}, "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}
    [row] = set(rows(with_more(graphs[0], ("ClusterRole", role)))) - set(rows(graphs[:1]))
    assert row.startswith("| some members | nobody | get `/metrics` | ClusterRole `spare` |")


def test_certificates_that_no_role_limits_are_named(graphs: list[Graph]) -> None:
    requests = [node.plain()["subject"] for node in graphs[0].of_type("tls:index/certRequest:CertRequest")]
    unlimited = {one["commonName"] for one in requests if one.get("organization") == "system:masters"}
    [line] = [row for row in rows(graphs) if row.startswith("No role limits")]
    assert all(f"`{user}`" in line for user in unlimited)


CERTIFICATE = "tls:index/locallySignedCert:LocallySignedCert"


def users_of_etcd(graph: Graph) -> set[str]:
    """Whom the page names, without the marks."""
    [line] = [row for row in rows([graph]) if row.startswith("Karmada's etcd lets in")]
    return set(line.partition(": ")[2].rstrip(".").replace("`", "").split(", "))


def test_a_new_client_certificate_of_karmadas_authority_shows_up(graphs: list[Graph]) -> None:
    graph = graphs[0]
    certificate = graph.one(CERTIFICATE, "karmada-program-cert")
    [request] = certificate.sources["certRequestPem"]
    subject = {"subject": {"commonName": "robot"}}
    asked = dataclasses.replace(graph.nodes[request], urn="urn:asked", inputs=subject)
    sources = {**certificate.sources, "certRequestPem": ("urn:asked",)}
    signed = dataclasses.replace(certificate, urn="urn:signed", sources=sources)
    more = dataclasses.replace(graph, nodes={**graph.nodes, "urn:asked": asked, "urn:signed": signed})
    assert users_of_etcd(more) - users_of_etcd(graph) == {"robot"}


def test_who_is_signed_by_another_authority_is_no_client_of_karmadas_etcd(graphs: list[Graph]) -> None:
    assert users_of_etcd(graphs[0]) == {
        "fleet:failover",
        "fleet:operator:1:x4f2",
        "fleet:program",
        "fleet:viewer:1:x4f2",
        "system:admin",
        "system:karmada:agent:MEMBER",
    }, "neither the front proxy's client nor a member's intermediate; and each member's agent is one"
