"""Claims about the whole resource graph: what is there, what waits for what, and what a change touches."""

from collections import Counter
from typing import Any

import pytest

from fleet.config.settings import Layer
from tests.unit.configs import fleet_of, stack
from tests.unit.graph import LET_THROUGH, Graph, Stage, build, built, contains_unmarked, is_secret
from tests.unit.test_backup import SETTINGS

CLUSTER = "linode:index/lkeCluster:LkeCluster"
RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
KARMADA_CLUSTER = "kubernetes:cluster.karmada.io/v1alpha1:Cluster"
PROPAGATION_POLICY = "kubernetes:policy.karmada.io/v1alpha1:PropagationPolicy"
WORKLOADS = ("hello", "sleep")
SIZES = (1, 3, 8)
"""As many as it takes to tell what grows with the members from what grows with their pairs."""


@pytest.fixture(scope="module")
def dev() -> Graph:
    return built(stack("dev"))


def remote_secrets(graph: Graph) -> list[tuple[str, str]]:
    """Reader and peer of every remote secret."""
    return [
        (
            node.provider_name.removesuffix("-provider"),
            node.plain()["metadata"]["annotations"]["networking.istio.io/cluster"],
        )
        for node in graph.of_type(SECRET)
        if (node.plain()["metadata"].get("labels") or {}).get("istio/multiCluster") == "true"
    ]


@pytest.mark.parametrize("members", SIZES)
@pytest.mark.parametrize("stage", Stage)
def test_the_number_of_resources_follows_from_the_number_of_members(members: int, stage: Stage) -> None:
    graph = built(fleet_of(members), stage)
    count = Counter(node.type for node in graph.nodes.values())
    assert count[CLUSTER] == members + 1
    assert count["pulumi:providers:kubernetes"] == members + 2, "one for each cluster and one for Karmada"
    assert count[KARMADA_CLUSTER] == members
    assert count[RELEASE] == 1 + 4 * members, "Karmada; base, istiod and two gateways for each member"
    assert count["tls:index/selfSignedCert:SelfSignedCert"] == 3, (
        "Karmada, its front proxy and the mesh have a root each"
    )
    assert count["tls:index/locallySignedCert:LocallySignedCert"] == 6 + 2 * members, (
        "Karmada's server and front proxy, the program, operators, viewers and the failover; an agent and an authority "
        "for each member"
    )
    assert count["kubernetes:networking.istio.io/v1:Gateway"] == 2 * members
    assert count["kubernetes:policy.karmada.io/v1alpha1:OverridePolicy"] == 2 * members
    assert count[PROPAGATION_POLICY] == 2
    assert count["fleet:mesh:Peering"] == members * (members - 1)


@pytest.mark.parametrize("members", SIZES)
def test_every_member_receives_the_remote_secret_of_every_other(members: int) -> None:
    pairs = remote_secrets(built(fleet_of(members)))
    names = [f"m{index}" for index in range(members)]
    assert sorted(pairs) == sorted((reader, peer) for reader in names for peer in names if reader != peer)


def test_a_member_never_receives_its_own_remote_secret(dev: Graph) -> None:
    pairs = remote_secrets(dev)
    assert len(pairs) == 6
    assert all(reader != peer for reader, peer in pairs), "istiod would count its own endpoints twice"


def test_no_member_waits_for_another(dev: Graph) -> None:
    members = ("eu", "ap", "us")
    meeting_points = ("fleet:mesh:Peering", "fleet:workloads:Workloads")
    for member in members:
        own = [node for node in dev.nodes.values() if node.name.startswith(f"{member}-") and "-reads-" not in node.name]
        for node in own:
            if any(dev.nodes[parent].type in meeting_points for parent in dev.ancestors(node)):
                continue
            others = {name for name in dev.reaches(node) if name.split("-")[0] in set(members) - {member}}
            assert not others, f"{node.name} waits for {sorted(others)}"


def test_the_mesh_does_not_wait_for_karmada(dev: Graph) -> None:
    for node in dev.below("mesh"):
        assert not {name for name in dev.reaches(node) if name.startswith("karmada")}, node.name


def test_pods_wait_for_every_agent_and_every_sidecar_injector(dev: Graph) -> None:
    submitted = [("kubernetes:apps/v1:Deployment", f"{workload}.submission.deployment") for workload in WORKLOADS]
    # Deployments are there already when a member joins: then it is the policy that starts pods in it.
    placed = [(PROPAGATION_POLICY, f"{workload}.placement.policy") for workload in WORKLOADS]
    for kind, name in submitted + placed:
        before = dev.reaches(dev.one(kind, name))
        for member in ("eu", "ap", "us"):
            assert {f"{member}-agent-cluster", f"{member}-istio-injection", f"{member}-istio-istiod"} <= before, name


def test_on_destroy_a_cluster_object_goes_while_its_agent_lives(dev: Graph) -> None:
    for member in ("eu", "ap", "us"):
        before = dev.reaches(dev.one(KARMADA_CLUSTER, f"{member}-agent-cluster"))
        assert {f"{member}-agent-deployment", f"{member}-agent-binding", f"{member}-agent-account"} <= before, (
            "its finalizers hang once the agent is gone (karmada#1847)"
        )


def test_on_destroy_everything_in_a_cluster_goes_before_the_cluster(dev: Graph) -> None:
    clusters = {f"{name}-cluster" for name in ("cluster-manager", "eu", "ap", "us")}
    for node in dev.nodes.values():
        if node.type.startswith("kubernetes:"):
            assert clusters & dev.reaches(node), f"{node.name} would outlive its cluster"


def test_on_destroy_workloads_go_before_agents_and_releases(dev: Graph) -> None:
    before = dev.reaches(dev.one("kubernetes:apps/v1:Deployment", "hello.submission.deployment"))
    assert {"eu-agent-cluster", "eu-agent-deployment", "karmada-release"} <= before


COMPONENTS = {
    "fleet:index:Fleet", "fleet:lke:Cluster", "fleet:viewers:ClusterViewer",
    "fleet:karmada:Federation", "fleet:karmada:ControlPlane", "fleet:karmada:Pki", "fleet:karmada:Encryption",
    "fleet:karmada:EtcdVolume",
    "fleet:karmada:Firewall", "fleet:karmada:Users", "fleet:karmada:Agent", "fleet:karmada:AgentAccess",
    "fleet:karmada:Failover", "fleet:karmada:Backup",
    "fleet:mesh:Mesh", "fleet:mesh:RootAuthority", "fleet:mesh:MemberAuthority", "fleet:mesh:Istio",
    "fleet:mesh:EastWestGateway", "fleet:mesh:IngressGateway", "fleet:mesh:PeerAccess", "fleet:mesh:Peering",
    "fleet:mesh:TokensRead", "fleet:policies:Traffic", "fleet:policies:Placement",
    "fleet:workloads:Workloads", "fleet:workloads:Namespace", "fleet:workloads:Workload", "fleet:workloads:Identity",
    "fleet:workloads:Callers", "fleet:workloads:Traffic", "fleet:workloads:Ingress", "fleet:workloads:Submission",
}  # fmt: skip


@pytest.fixture(scope="module")
def everything() -> Graph:
    """A fleet with all that a config can ask for."""
    karmada = {"backup": SETTINGS, "acl": {"ipv4": ["192.0.2.0/24"]}}
    return build(fleet_of(2, karmada=karmada, mesh={"remoteTokenGeneration": 2}))


def test_everything_is_below_the_fleet_in_components_that_keep_their_types(everything: Graph) -> None:
    """Both are in a resource's URN: with another one, an update makes it anew, and deletes what runs."""
    nodes = everything.nodes
    assert [node.name for node in nodes.values() if node.parent not in nodes] == ["fleet"]
    assert {nodes[node.parent].type for node in nodes.values() if node.parent in nodes} == COMPONENTS


def test_nothing_in_a_cluster_is_made_where_the_shell_of_whoever_runs_pulumi_leads(everything: Graph) -> None:
    """Without a provider of its own an object goes to the current context of somebody's kubeconfig."""
    objects = [node for node in everything.nodes.values() if node.type.startswith("kubernetes:")]
    assert {node.provider_name for node in objects} == {
        f"{name}-provider" for name in ("manager", "m0", "m1", "karmada")
    }


def test_clusters_wait_for_nothing_but_their_suffix(dev: Graph) -> None:
    for node in dev.of_type(CLUSTER):
        assert dev.reaches(node) == {"fleet-suffix"}


def added_to(before: Graph, after: Graph) -> tuple[set[str], set[str]]:
    """The URNs that were added, and those of resources whose inputs changed."""
    changed = {
        urn for urn, node in before.nodes.items() if urn in after.nodes and after.nodes[urn].inputs != node.inputs
    }
    assert not before.nodes.keys() - after.nodes.keys()
    return after.nodes.keys() - before.nodes.keys(), changed


def test_adding_a_member_changes_no_resource_of_another() -> None:
    before, after = built(fleet_of(3)), build(fleet_of(4))
    added, changed = added_to(before, after)
    assert {after.nodes[urn].name for urn in changed} <= {"hello.placement.policy", "sleep.placement.policy"}, (
        "only Karmada's weights may name a new member"
    )
    in_others = [after.nodes[urn] for urn in added if after.nodes[urn].provider_name in {"m0-provider", "m1-provider"}]
    assert {node.type for node in in_others} == {SECRET}, "other members receive the new one's remote secret alone"


def test_the_order_of_the_config_does_not_matter() -> None:
    config = stack("dev")
    turned = config | {"clusters": dict(reversed(config["clusters"].items()))}
    straight, reverse = build(config), build(turned)
    assert straight.nodes.keys() == reverse.nodes.keys()
    lists = {"hello.placement.policy", "sleep.placement.policy"}
    for urn, node in straight.nodes.items():
        if node.name not in lists:
            assert reverse.nodes[urn].inputs == node.inputs, node.name


@pytest.mark.parametrize("stage", Stage)
def test_no_secret_stands_in_plain_text(stage: Stage) -> None:
    graph = built(stack("dev"), stage)
    for node in graph.nodes.values():
        for text in ("-key\n", "token-of-"):
            assert not contains_unmarked(node.inputs, text), f"{node.name} shows {text!r}"
    for name, outputs in graph.outputs.items():
        for text in ("-key\n", "token-of-", "client-key-data"):
            assert not contains_unmarked(outputs, text), f"the outputs of {name} show {text!r}"


SECRET_INPUTS = [
    ("pulumi:providers:kubernetes", "kubeconfig"),
    ("tls:index/certRequest:CertRequest", "privateKeyPem"),
    ("tls:index/selfSignedCert:SelfSignedCert", "privateKeyPem"),
    ("tls:index/locallySignedCert:LocallySignedCert", "caPrivateKeyPem"),
]


@pytest.mark.parametrize(("kind", "key"), SECRET_INPUTS)
def test_every_secret_bearing_input_is_secret(dev: Graph, kind: str, key: str) -> None:
    nodes = dev.of_type(kind)
    assert nodes
    for node in nodes:
        assert is_secret(node.inputs[key]), f"{node.name}.{key}"


def test_every_kubernetes_secret_is_secret(dev: Graph) -> None:
    for node in dev.of_type(SECRET):
        if node.plain().get("type") != "kubernetes.io/service-account-token":
            assert is_secret(node.inputs["stringData"]), node.name


def test_outputs_are_those_that_people_use(dev: Graph) -> None:
    outputs = dev.outputs["stack"]
    assert outputs.keys() == {
        "clusters", "nodeIps", "kubeconfigs", "viewKubeconfigs", "karmadaKubeconfig", "karmadaEndpoint",
        "eastWestGateways", "ingresses", "versions", "etcd", "encryption", "failover", "meshRoots",
    }  # fmt: skip
    assert is_secret(outputs["kubeconfigs"])
    assert is_secret(outputs["viewKubeconfigs"])
    assert is_secret(outputs["karmadaKubeconfig"])
    eu = outputs["clusters"][1]
    pools = eu.pop("pools")
    assert eu == {
        "name": "eu", "region": "eu-west", "network": "network3", "acl": False, "version": "1.35",
        "expelled": False, "joined": True,
    }  # fmt: skip
    assert [pool.keys() for pool in pools] == [{"name", "type"}]
    assert outputs["eastWestGateways"].keys() == outputs["ingresses"].keys() == {"eu", "ap", "us"}


def test_what_an_update_ends_with_is_told_only_once_it_is_there(dev: Graph) -> None:
    """An update that fails before leaves the earlier word, and the next one starts from what is there."""
    istiods = {f"{member}-istio-istiod" for member in ("eu", "ap", "us")}
    assert {"karmada-release", *istiods} <= dev.exported_after["versions"]
    assert istiods <= dev.exported_after["meshRoots"]
    assert "karmada-release" in dev.exported_after["etcd"]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_preview_of_what_is_deployed_shows_no_change_and_asks_no_cluster(name: str) -> None:
    config = stack(name)
    update = build(config)
    preview = build(config, Stage.PREVIEW_OF_DEPLOYED, deployed=update.deployed)
    assert preview.nodes.keys() == update.nodes.keys()
    for urn, node in update.nodes.items():
        known = preview.nodes[urn]
        kept = {name: value for name, value in node.plain().items() if name not in known.ignore_changes}
        assert without_marks(known.plain()) == without_marks(kept), node.name
    for output in ("eastWestGateways", "ingresses", "nodeIps", "karmadaEndpoint"):
        assert preview.outputs["stack"][output] == update.outputs["stack"][output], "a preview would show it as unknown"


def without_marks(value: Any) -> Any:
    """Inputs without what tells in an update that a kubeconfig has passed its gate."""
    if isinstance(value, dict):
        return {key: without_marks(below) for key, below in value.items()}
    return value.removesuffix(LET_THROUGH) if isinstance(value, str) else value


def test_a_fresh_preview_plans_everything_that_an_update_makes() -> None:
    assert built(stack("prod"), Stage.PREVIEW).nodes.keys() == built(stack("prod")).nodes.keys()


LAYERS: list[tuple[list[Layer], set[str]]] = [
    ([], {"fleet:index:Fleet", "fleet:lke:Cluster"}),
    ([Layer.KARMADA], {"fleet:karmada:Federation"}),
    ([Layer.MESH], {"fleet:mesh:Mesh", "fleet:policies:Traffic"}),
    ([Layer.KARMADA, Layer.WORKLOADS], {"fleet:karmada:Federation", "fleet:workloads:Workloads"}),
]


@pytest.mark.parametrize(("layers", "components"), LAYERS)
def test_layers_can_be_left_out(layers: list[Layer], components: set[str]) -> None:
    types = {node.type for node in build(fleet_of(2, layers=[str(layer) for layer in layers])).nodes.values()}
    assert components <= types
    absent = {"fleet:karmada:Federation", "fleet:mesh:Mesh", "fleet:workloads:Workloads"} - components
    assert not absent & types


def test_refused_config_registers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[Any] = []
    monkeypatch.setattr("tests.unit.graph.Recorder.RegisterResource", lambda _self, request: registered.append(request))
    with pytest.raises(Exception, match="1 error"):
        build(fleet_of(0))
    assert all(request.type == "pulumi:pulumi:Stack" for request in registered)
