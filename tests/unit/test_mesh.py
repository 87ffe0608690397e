"""Claims about the mesh: authorities, primaries, gateways and peering."""

from typing import Any

import pytest
import yaml

from fleet.mesh.ca import cacerts
from tests.unit.configs import fleet_of, stack
from tests.unit.graph import ANSWERS, Graph, build, built, is_secret

RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
ROLE, CLUSTER_ROLE, BINDING, CLUSTER_BINDING = (
    f"kubernetes:rbac.authorization.k8s.io/v1:{kind}"
    for kind in ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
)
DEPLOYMENT_PATCH = "kubernetes:apps/v1:DeploymentPatch"
NETWORKS = {"eu": "network3", "ap": "network1", "us": "network2"}


@pytest.fixture(scope="module")
def dev() -> Graph:
    return built(stack("dev"))


def values_of(graph: Graph, release: str) -> Any:
    return graph.one(RELEASE, release).plain()["values"]


def test_pods_that_are_not_ready_are_no_endpoints(dev: Graph) -> None:
    env = values_of(dev, "eu-istio-istiod")["env"]
    assert env["PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS"] == "false", (
        "the gateway that stands for another region's pods is healthy in any case, and would have calls for them"
    )


def test_the_root_is_as_istios_own_tooling_makes_it(dev: Graph) -> None:
    root = dev.one("tls:index/selfSignedCert:SelfSignedCert", "mesh-root-cert").plain()
    assert root["isCaCertificate"]
    assert "maxPathLength" not in root
    assert root["subject"] == {"commonName": "Root CA", "organization": "Istio"}
    assert root["allowedUses"] == ["digital_signature", "content_commitment", "key_encipherment", "cert_signing"]
    assert root["validityPeriodHours"] == 3650 * 24
    assert dev.one("tls:index/privateKey:PrivateKey", "mesh-root-key").plain()["rsaBits"] == 4096


def test_every_member_has_an_intermediate_that_signs_leaves_only(dev: Graph) -> None:
    for member in NETWORKS:
        certificate = dev.one("tls:index/locallySignedCert:LocallySignedCert", f"{member}-istio-ca-intermediate-cert")
        assert certificate.plain()["isCaCertificate"]
        assert certificate.plain()["maxPathLength"] == 0
        assert certificate.plain()["caCertPem"] == "PEM of mesh-root-cert\n"
        request = dev.one("tls:index/certRequest:CertRequest", f"{member}-istio-ca-intermediate-request").plain()
        assert request["subject"] == {"commonName": "Intermediate CA", "organization": "Istio", "locality": member}
        assert request["dnsNames"] == ["istiod.istio-system.svc"]


def test_an_intermediate_ends_before_the_root(dev: Graph) -> None:
    root = dev.one("tls:index/selfSignedCert:SelfSignedCert", "mesh-root-cert").plain()
    leaf = dev.one("tls:index/locallySignedCert:LocallySignedCert", "eu-istio-ca-intermediate-cert").plain()
    assert root["earlyRenewalHours"] >= leaf["validityPeriodHours"] + leaf["earlyRenewalHours"]


def test_cacerts_has_istios_four_keys_and_a_whole_chain(dev: Graph) -> None:
    data = dev.one(SECRET, "eu-istio-cacerts").plain()["stringData"]
    assert data == {
        "ca-cert.pem": "PEM of eu-istio-ca-intermediate-cert\n",
        "ca-key.pem": "PEM of eu-istio-ca-intermediate-key\n",
        "root-cert.pem": "PEM of mesh-root-cert\n",
        "cert-chain.pem": "PEM of eu-istio-ca-intermediate-cert\nPEM of mesh-root-cert\n",
    }


def test_a_chain_without_a_last_line_break_stays_two_certificates() -> None:
    chain = cacerts(certificate_pem="A", private_key_pem="K", root_pem="B", trusted_pem="B")["cert-chain.pem"]
    assert chain == "A\nB\n"


def test_istiod_never_starts_without_its_authority_and_crds(dev: Graph) -> None:
    for member in NETWORKS:
        before = dev.reaches(dev.one(RELEASE, f"{member}-istio-istiod"))
        assert {f"{member}-istio-cacerts", f"{member}-istio-base"} <= before


def test_istiod_knows_mesh_cluster_and_network(dev: Graph) -> None:
    for member, network in NETWORKS.items():
        assert values_of(dev, f"{member}-istio-istiod")["global"] == {
            "hub": "docker.io/istio",
            "meshID": "mesh1",
            "network": network,
            "multiCluster": {"clusterName": member},
        }


def test_the_namespace_carries_its_networks_name(dev: Graph) -> None:
    for member, network in NETWORKS.items():
        metadata = dev.one("kubernetes:core/v1:Namespace", f"{member}-istio-namespace").plain()["metadata"]
        assert metadata == {"name": "istio-system", "labels": {"topology.istio.io/network": network}}


def test_sidecars_are_injected_into_the_workload_namespace(dev: Graph) -> None:
    patch = dev.one("kubernetes:core/v1:NamespacePatch", "eu-istio-injection")
    assert patch.plain()["metadata"] == {"name": "default", "labels": {"istio-injection": "enabled"}}
    assert "eu-istio-istiod" in dev.reaches(patch), "the label only works through istiod's webhook"


def test_an_east_west_gateway_publishes_two_ports_and_no_more(dev: Graph) -> None:
    values = values_of(dev, "eu-east-west-release")
    assert [port["port"] for port in values["service"]["ports"]] == [15021, 15443]
    assert "networkGateway" not in values, "the chart would publish istiod's ports as well"


def test_an_east_west_gateway_is_labelled_with_its_networks_name(dev: Graph) -> None:
    for member, network in NETWORKS.items():
        values = values_of(dev, f"{member}-east-west-release")
        assert values["labels"]["topology.istio.io/network"] == network
        assert values["env"]["ISTIO_META_REQUESTED_NETWORK_VIEW"] == network


def test_the_cross_network_gateway_passes_mutual_tls_through(dev: Graph) -> None:
    gateway = dev.one("kubernetes:networking.istio.io/v1:Gateway", "eu-east-west-cross-network").plain()
    assert gateway["metadata"]["name"] == "cross-network-gateway"
    assert gateway["spec"] == {
        "selector": {"istio": "eastwestgateway"},
        "servers": [
            {
                "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
                "tls": {"mode": "AUTO_PASSTHROUGH"},
                "hosts": ["*.local"],
            }
        ],
    }
    labels = values_of(dev, "eu-east-west-release")["labels"]
    assert labels["istio"] == gateway["spec"]["selector"]["istio"]


def test_gateways_wait_for_the_webhook_that_injects_them(dev: Graph) -> None:
    for name in ("eu-east-west-release", "eu-ingress-release"):
        assert "eu-istio-istiod" in dev.reaches(dev.one(RELEASE, name))


def test_what_istiod_checks_waits_for_the_webhook_that_checks_it(dev: Graph) -> None:
    checked = [node for node in dev.nodes.values() if ".istio.io/" in node.type]
    assert {node.name for node in checked} >= {f"{member}-east-west-cross-network" for member in NETWORKS}
    for node in checked:
        member = node.provider_name.removesuffix("-provider")
        assert f"{member}-istio-istiod" in dev.reaches(node), f"{node.name} is refused until the webhook answers"


def test_ingress_gateways_can_be_turned_off() -> None:
    graph = build(fleet_of(2, ingress={"enabled": False}))
    assert not graph.of_type("fleet:mesh:IngressGateway")
    assert not graph.of_type("kubernetes:networking.istio.io/v1:VirtualService")
    assert graph.outputs["stack"]["ingresses"] == {}


def test_a_remote_secret_has_the_shape_that_istiod_looks_for(dev: Graph) -> None:
    secret = dev.one(SECRET, "us-reads-ap-remote-secret")
    assert secret.provider_name == "us-provider"
    assert secret.plain()["metadata"] == {
        "name": "istio-remote-secret-ap",
        "namespace": "istio-system",
        "labels": {"istio/multiCluster": "true"},
        "annotations": {"networking.istio.io/cluster": "ap"},
    }
    assert is_secret(secret.inputs["stringData"])


def test_a_remote_secret_never_carries_an_admin_credential(dev: Graph) -> None:
    data = dev.one(SECRET, "us-reads-ap-remote-secret").plain()["stringData"]
    assert data.keys() == {"ap"}
    kubeconfig = yaml.safe_load(data["ap"])
    assert kubeconfig["users"][0]["user"] == {"token": "token-of-ap-peer-access-token"}
    assert "token-of-ap-cluster" not in data["ap"], "that is the administrator's"
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "https://ap-cluster.example:6443"


def test_the_context_of_a_remote_secret_leads_to_the_peer_by_its_token(dev: Graph) -> None:
    kubeconfig = yaml.safe_load(dev.one(SECRET, "us-reads-ap-remote-secret").plain()["stringData"]["ap"])
    [context], [cluster], [user] = kubeconfig["contexts"], kubeconfig["clusters"], kubeconfig["users"]
    assert kubeconfig["current-context"] == context["name"], "istiod takes the current context"
    assert context["context"] == {"cluster": cluster["name"], "user": user["name"]}
    assert {"ap"} == {context["name"], cluster["name"], user["name"]}, "by which an operator tells peers apart"


def rules_of_peers(graph: Graph, member: str) -> list[tuple[str, dict[str, Any]]]:
    """Namespace (empty for everywhere) and rule of all that a member's peers may do."""
    roles = [
        node.plain() for node in graph.of_type(ROLE, CLUSTER_ROLE) if node.name.startswith(f"{member}-peer-access")
    ]
    return [(role["metadata"].get("namespace", ""), rule) for role in roles for rule in role["rules"]]


def test_peers_may_read_what_istiod_needs_for_endpoints_and_no_more(dev: Graph) -> None:
    rules = rules_of_peers(dev, "ap")
    assert all(rule["verbs"] == ["list", "watch"] for _, rule in rules), (
        "whoever only lists and watches changes nothing"
    )
    everywhere = {
        f"{resource}.{group}".removesuffix(".")
        for namespace, rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if not namespace
    }
    assert everywhere == {
        "namespaces",
        "nodes",
        "pods",
        "services",
        "endpointslices.discovery.k8s.io",
        "workloadentries.networking.istio.io",
        "gateways.gateway.networking.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
    }, "neither secrets nor config maps, and nothing by wildcard"


def test_of_all_config_maps_peers_may_read_the_mesh_config_alone(dev: Graph) -> None:
    [(namespace, rule)] = [(namespace, rule) for namespace, rule in rules_of_peers(dev, "ap") if namespace]
    assert namespace == "istio-system"
    assert (rule["resources"], rule["resourceNames"]) == (["configmaps"], ["istio"])


def test_what_peers_may_do_is_bound_to_their_account_alone(dev: Graph) -> None:
    bindings = [node for node in dev.of_type(BINDING, CLUSTER_BINDING) if node.name.startswith("ap-peer-access")]
    account = {"kind": "ServiceAccount", "name": "fleet-peer", "namespace": "istio-system"}
    assert [binding.plain()["subjects"] for binding in bindings] == [[account], [account]]


def test_no_right_of_peers_has_the_name_of_the_binding_to_istios_reader_role(dev: Graph) -> None:
    names = {node.plain()["metadata"]["name"] for node in dev.of_type(BINDING, CLUSTER_BINDING)}
    assert "fleet-peer" not in names, "an update would take all rights away before it gives the new ones"


def test_a_token_is_handed_out_once_it_may_read(dev: Graph) -> None:
    bindings = {"ap-peer-access-endpoints-binding", "ap-peer-access-mesh-config-binding"}
    assert bindings <= {node.name for node in dev.of_type(BINDING, CLUSTER_BINDING)}
    assert bindings <= dev.reaches(dev.one(SECRET, "ap-peer-access-token"))
    assert bindings <= dev.reaches(dev.one(SECRET, "us-reads-ap-remote-secret"))


def test_a_remote_secret_comes_after_the_istiod_that_reads_it_and_waits_for_no_other(dev: Graph) -> None:
    before = dev.reaches(dev.one(SECRET, "us-reads-ap-remote-secret"))
    assert "us-istio-istiod" in before, "an istiod that starts with remote secrets waits for its remote timeout"
    assert "ap-istio-istiod" not in before


def test_a_renewed_token_is_written_into_the_secret_that_is_there(dev: Graph) -> None:
    provider = dev.nodes[dev.one(SECRET, "us-reads-ap-remote-secret").provider.rsplit("::", 1)[0]]
    assert provider.plain()["enableSecretMutable"] == "true", "istiod would forget the peer until the next one is there"


def test_a_remote_secret_goes_and_comes_with_a_cluster_that_is_made_anew(dev: Graph) -> None:
    secret = dev.one(SECRET, "us-reads-ap-remote-secret")
    assert [dev.nodes[urn].name for urn in secret.replace_with] == ["ap-provider"]
    assert secret.delete_before_replace, "istiod ignores a second secret for a cluster that it knows"


def test_istiod_waits_only_briefly_for_peers_whose_secrets_it_may_not_read(dev: Graph) -> None:
    assert values_of(dev, "eu-istio-istiod")["env"]["PILOT_REMOTE_CLUSTER_TIMEOUT"] == "10s"


def test_another_generation_is_another_token_secret() -> None:
    graph = build(fleet_of(2, mesh={"remoteTokenGeneration": 7}))
    token = graph.one(SECRET, "m0-peer-access-token").plain()
    assert token["metadata"]["name"] == "fleet-peer-7"
    assert token["metadata"]["annotations"] == {"kubernetes.io/service-account.name": "fleet-peer"}


def test_istiod_starts_anew_once_it_holds_every_token_of_another_generation() -> None:
    graph = build(fleet_of(3, mesh={"remoteTokenGeneration": 2}))
    patches = {patch.provider_name: patch for patch in graph.of_type(DEPLOYMENT_PATCH)}
    assert patches.keys() == {"m0-provider", "m1-provider", "m2-provider"}
    patch = patches["m0-provider"]
    assert patch.plain()["metadata"] == {"name": "istiod", "namespace": "istio-system"}
    assert patch.plain()["spec"] == {"template": {"metadata": {"annotations": {"fleet/peer-tokens": "2"}}}}
    before = graph.reaches(patch)
    assert {"m0-reads-m1-remote-secret", "m0-reads-m2-remote-secret", "m0-istio-istiod"} <= before
    assert "m1-reads-m0-remote-secret" not in before, "one reader does not wait for another"


def test_the_first_tokens_restart_nothing(dev: Graph) -> None:
    assert dev.of_type(DEPLOYMENT_PATCH) == []


def test_values_of_the_stack_go_over_ours() -> None:
    graph = build(fleet_of(1, mesh={"istiodValues": {"pilot": {"cpu": 1}}, "id": "mesh9"}))
    istiod = values_of(graph, "m0-istio-istiod")
    assert istiod["pilot"] == {"cpu": 1}
    assert istiod["global"]["meshID"] == "mesh9"


@pytest.mark.parametrize(
    ("section", "own", "other"),
    [
        ("ingress", "m0-ingress-release", "m0-east-west-release"),
        ("eastWest", "m0-east-west-release", "m0-ingress-release"),
    ],
)
def test_values_of_one_gateway_do_not_reach_the_other(section: str, own: str, other: str) -> None:
    graph = build(fleet_of(1, **{section: {"values": {"replicaCount": 2, "service": {"annotations": {"a": "b"}}}}}))
    values = values_of(graph, own)
    assert (values["replicaCount"], values["service"]["annotations"]) == (2, {"a": "b"})
    assert values["service"]["ports"], "what the program sets beside them stays"
    assert values_of(graph, other) == values_of(built(fleet_of(1)), other)


def test_the_ingress_publishes_health_and_what_its_gateway_listens_on(dev: Graph) -> None:
    """A NodeBalancer would take calls at 443, which nobody answers."""
    published = {port["port"] for port in values_of(dev, "eu-ingress-release")["service"]["ports"]}
    servers = dev.one("kubernetes:networking.istio.io/v1:Gateway", "default.eu.listener").plain()["spec"]["servers"]
    assert published - {15021} == {server["port"]["number"] for server in servers}


HOST = "nb-203-0-113-7.london.nodebalancer.linode.com"


@pytest.mark.parametrize(
    ("entry", "reached"),
    [
        ({"ip": "203.0.113.7"}, "203.0.113.7"),
        ({"ip": "203.0.113.7", "hostname": HOST}, "203.0.113.7"),
        ({"hostname": HOST}, HOST),
        ({"ip": "", "hostname": HOST}, HOST),
    ],
)
def test_a_gateway_is_where_its_load_balancer_says(
    monkeypatch: pytest.MonkeyPatch, entry: dict[str, str], reached: str
) -> None:
    published = {"status": {"loadBalancer": {"ingress": [entry]}}}
    monkeypatch.setitem(ANSWERS, SERVICE, lambda _: published)
    outputs = build(fleet_of(1)).outputs["stack"]
    assert outputs["eastWestGateways"] == outputs["ingresses"] == {"m0": reached}
