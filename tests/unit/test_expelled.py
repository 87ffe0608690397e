"""Claims about a member that is expelled: what the others trust and give, and what the program leaves alone."""

from typing import Any

import pytest
import yaml

from fleet.config.settings import Mesh
from fleet.lke.kubeconfig import nowhere
from fleet.mesh.peering import token_generation
from tests.unit.configs import fleet_of
from tests.unit.graph import Graph, Node, Stage, build, built, unwrap

RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
NAMESPACE = "kubernetes:core/v1:Namespace"
KARMADA_CLUSTER = "kubernetes:cluster.karmada.io/v1alpha1:Cluster"
PROPAGATION_POLICY = "kubernetes:policy.karmada.io/v1alpha1:PropagationPolicy"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
KEY = "tls:index/privateKey:PrivateKey"
REST = ("m0", "m1")


def config(**sections: Any) -> dict[str, Any]:
    """Three members, of which the last is expelled."""
    raw = fleet_of(3, **sections)
    raw["clusters"]["m2"]["expelled"] = True
    return raw


def outputs(graph: Graph) -> dict[str, Any]:
    """What an update exports."""
    found: dict[str, Any] = unwrap(graph.outputs["stack"])
    return found


def with_roots(graph: Graph, **roots: Any) -> dict[str, Any]:
    """What an update deployed, with other roots of the mesh."""
    found = graph.deployed.model_dump(by_alias=True)
    return found | {"meshRoots": found["meshRoots"] | roots}


@pytest.fixture(scope="module")
def before() -> Graph:
    return built(fleet_of(3))


@pytest.fixture(scope="module", params=Stage)
def stage(request: pytest.FixtureRequest) -> Stage:
    found: Stage = request.param
    return found


@pytest.fixture(scope="module")
def after(before: Graph, stage: Stage) -> Graph:
    """The update that expels."""
    return build(config(), stage, deployed=before.deployed)


@pytest.fixture(scope="module")
def expelled(before: Graph) -> Graph:
    """The update that expels, with all values known."""
    return build(config(), deployed=before.deployed)


@pytest.fixture(scope="module")
def later(expelled: Graph) -> Graph:
    """The next update."""
    return build(config(), deployed=expelled.deployed)


def in_cluster(graph: Graph, member: str) -> list[Node]:
    """What is made by a member's provider."""
    return [node for node in graph.nodes.values() if node.provider_name == f"{member}-provider"]


def test_the_others_trust_each_others_intermediates_and_no_root(expelled: Graph) -> None:
    for member in REST:
        data = expelled.one(SECRET, f"{member}-istio-cacerts").plain()["stringData"]
        assert data["root-cert.pem"] == "".join(f"PEM of {rest}-istio-ca-intermediate-cert\n" for rest in REST)
        assert data["cert-chain.pem"].endswith("PEM of mesh-root-cert\n"), "whoever trusts the root still follows"
        istiod = expelled.one(RELEASE, f"{member}-istio-istiod").plain()["values"]
        assert istiod["podAnnotations"]["fleet/roots"], "and istiod reads them at once"


def test_nobody_has_another_key_or_certificate(before: Graph, expelled: Graph) -> None:
    """So that it does not matter which proxy hears of it first: each is trusted before and after."""
    for node in before.of_type(KEY, SIGNED, "tls:index/selfSignedCert:SelfSignedCert"):
        if not node.name.startswith("m2-"):
            assert expelled.nodes[node.urn].inputs == node.inputs, f"{node.name} would be replaced"


def test_calls_to_it_end_before_its_certificates_are_refused(after: Graph) -> None:
    for member in REST:
        earlier = after.reaches(after.one(SECRET, f"{member}-istio-cacerts"))
        assert {f"{reader}-reads-m2-remote-secret" for reader in REST} <= earlier
        assert f"{member}-istio-cacerts" in after.reaches(after.one(RELEASE, f"{member}-istio-istiod"))


def test_istiod_finds_nothing_by_what_is_left_of_its_remote_secret(before: Graph, after: Graph) -> None:
    for member in REST:
        secret = after.one(SECRET, f"{member}-reads-m2-remote-secret")
        assert secret.urn in before.nodes, "changed and not deleted, as Pulumi deletes last"
        assert secret.plain()["metadata"] == {"name": "istio-remote-secret-m2", "namespace": "istio-system"}
        assert not {"stringData", "data"} & secret.inputs.keys()


def test_connections_that_it_has_are_ended(before: Graph, after: Graph) -> None:
    for member in REST:
        gateway = after.one(RELEASE, f"{member}-east-west-release")
        assert gateway.plain()["values"]["podAnnotations"] == {"fleet/expelled": "m2"}
        assert f"{member}-istio-istiod" in after.reaches(gateway), "only then they cannot be made anew"
        assert "podAnnotations" not in before.one(RELEASE, f"{member}-east-west-release").plain()["values"]
        ingress = f"{member}-ingress-release"
        assert after.one(RELEASE, ingress).inputs == before.one(RELEASE, ingress).inputs, "nothing of it comes in there"


def test_the_others_have_other_tokens_of_which_it_gets_none(before: Graph, after: Graph) -> None:
    for member in REST:
        names = [
            graph.one(SECRET, f"{member}-peer-access-token").plain()["metadata"]["name"] for graph in (before, after)
        ]
        assert names[0] == "fleet-peer-1"
        assert names[1].startswith("fleet-peer-1-")
        assert after.one("kubernetes:apps/v1:DeploymentPatch", f"{member}-tokens-read-istiod"), "istiod reads by them"
    readers = {node.name for node in after.of_type(SECRET) if "-reads-" in node.name}
    assert not any(name.startswith("m2-") for name in readers)


def test_every_set_of_expelled_members_makes_another_generation() -> None:
    sets: list[tuple[str, ...]] = [(), ("a",), ("b",), ("a", "b"), ("a-b",)]
    found = {token_generation(Mesh(remote_token_generation=n), expelled) for n in (1, 2) for expelled in sets}
    assert len(found) == 2 * len(sets)
    assert token_generation(Mesh(), ("a", "b")) == token_generation(Mesh(), ("b", "a"))
    assert token_generation(Mesh()) == "1", "a fleet of before has this name"


def test_its_agent_has_no_rights_and_gets_nothing_to_run(after: Graph) -> None:
    roles = [node for node in after.nodes.values() if node.type.startswith("kubernetes:rbac") and "m2" in node.name]
    assert roles == []
    for workload in ("hello", "sleep"):
        spec = after.one(PROPAGATION_POLICY, f"{workload}.placement.policy").plain()["spec"]
        assert "m2" not in str(spec)
    assert not [node for node in after.nodes.values() if node.type.endswith(":OverridePolicy") and "m2" in node.name]


def test_karmada_keeps_its_cluster_object_and_waits_for_nothing(before: Graph, after: Graph) -> None:
    cluster = after.one(KARMADA_CLUSTER, "m2-agent-cluster")
    assert cluster.urn in before.nodes
    assert cluster.ignore_changes == ("metadata", "spec"), "a change would wait until it is ready"
    execution = after.one(NAMESPACE, "m2-agent-access-execution")
    assert execution.inputs == before.nodes[execution.urn].inputs
    waiting = after.reaches(after.one("kubernetes:apps/v1:Deployment", "hello.submission.deployment"))
    assert "m2-agent-cluster" not in waiting


def test_no_update_needs_its_api(after: Graph) -> None:
    assert "m2" not in after.awaited
    assert not [node for node in in_cluster(after, "m2") if node.inputs.keys() == {"id"}], "nothing is read from it"
    provider = after.one("pulumi:providers:kubernetes", "m2-provider").plain()
    assert yaml.safe_load(provider["kubeconfig"])["clusters"][0]["cluster"] == {"server": "https://127.0.0.1:1"}
    assert (provider["deleteUnreachable"], provider["skipUpdateUnreachable"]) == ("true", "true")
    others = after.one("pulumi:providers:kubernetes", "m0-provider").plain()
    assert not {"deleteUnreachable", "skipUpdateUnreachable"} & others.keys()


def test_the_others_are_waited_for(expelled: Graph) -> None:
    assert set(expelled.awaited) == {"manager", *REST}


def test_a_kubeconfig_that_reaches_nothing_holds_no_credential() -> None:
    assert yaml.safe_load(nowhere("us"))["users"] == [{"name": "us", "user": {}}]


def test_every_release_in_it_is_kept_for_one_update_and_then_forgotten(
    before: Graph, expelled: Graph, later: Graph
) -> None:
    """The official provider drops every object of a cluster that is out of reach, but no release."""
    there = {node.urn for node in in_cluster(before, "m2") if node.type == RELEASE}
    assert {node.urn for node in in_cluster(expelled, "m2")} == there
    assert all(expelled.nodes[urn].retained for urn in there)
    assert in_cluster(later, "m2") == []


@pytest.mark.parametrize("sections", [{"ingress": {"enabled": False}}, {"layers": ["mesh"]}])
def test_no_release_is_kept_that_was_not_there(sections: dict[str, Any]) -> None:
    first = build(fleet_of(3, **sections))
    there = {node.urn for node in in_cluster(first, "m2") if node.type == RELEASE}
    second = build(config(**sections), deployed=first.deployed)
    assert {node.urn for node in in_cluster(second, "m2")} == there


def test_karmada_that_comes_later_knows_nothing_of_it() -> None:
    first = build(fleet_of(3, layers=["mesh"]))
    second = build(config(layers=["mesh"]), deployed=first.deployed)
    for deployed in (second, build(config(), deployed=second.deployed)):
        third = build(config(), deployed=deployed.deployed)
        assert {node.name for node in third.of_type(KARMADA_CLUSTER)} == {"m0-agent-cluster", "m1-agent-cluster"}


def test_the_cluster_itself_stays_and_can_be_looked_into(before: Graph, expelled: Graph) -> None:
    cluster = expelled.one("linode:index/lkeCluster:LkeCluster", "m2-cluster")
    assert cluster.inputs == before.nodes[cluster.urn].inputs
    assert "m2" in outputs(expelled)["kubeconfigs"]


def test_the_next_update_changes_nothing(expelled: Graph, later: Graph) -> None:
    gone = expelled.nodes.keys() - later.nodes.keys()
    assert {node.type for node in (expelled.nodes[urn] for urn in gone)} <= {
        RELEASE, "fleet:mesh:Istio", "fleet:mesh:EastWestGateway", "fleet:mesh:IngressGateway",
    }  # fmt: skip
    for urn, node in later.nodes.items():
        assert node.inputs == expelled.nodes[urn].inputs, node.name
    assert outputs(later) == outputs(expelled)


def test_its_roots_are_remembered_until_its_entry_goes(expelled: Graph) -> None:
    sections = {"certs": {"mesh": {"roots": ["root", "next"], "signing": "next"}}}
    rotated = build(config(**sections), deployed=with_roots(expelled, trusted=["root", "next"]))
    for graph in (expelled, rotated):
        found = graph.deployed.mesh_roots
        assert found is not None
        assert found.expelled == {"m2": ("root",)}
        assert graph.outputs["stack"]["meshRoots"] == {"trusted": []}, "nobody trusts a root while one is expelled"


def test_another_root_changes_nothing_that_anybody_trusts_by_key(expelled: Graph) -> None:
    """Intermediates keep their keys, so that old and new ones vouch for the same certificates."""
    rotated = build(
        config(certs={"mesh": {"roots": ["root", "next"], "signing": "next"}}),
        deployed=with_roots(expelled, trusted=["root", "next"], signing="root"),
    )
    for member in REST:
        key = f"{member}-istio-ca-intermediate-key"
        assert rotated.one(KEY, key).inputs == expelled.one(KEY, key).inputs
        data = rotated.one(SECRET, f"{member}-istio-cacerts").plain()["stringData"]
        assert "mesh-root-cert" not in data["root-cert.pem"]


def test_when_its_entry_goes_the_new_root_is_trusted_and_its_remains_go(expelled: Graph, later: Graph) -> None:
    raw = fleet_of(2, certs={"mesh": {"roots": ["next"]}})
    memory = with_roots(later, trusted=["next"], signing="next", expelled={"m2": ["root"]})
    gone = build(raw, deployed=memory)
    data = gone.one(SECRET, "m0-istio-cacerts").plain()["stringData"]
    assert data["root-cert.pem"] == "PEM of mesh-next-cert\n"
    assert not [node for node in gone.nodes.values() if "m2" in node.name]
    earlier = later.reaches(later.one(KARMADA_CLUSTER, "m2-agent-cluster"))
    assert "m2-agent-access-execution" in earlier, "what is made first goes last: Karmada removes it with the object"
