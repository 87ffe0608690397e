"""Claims about the mesh: authorities, primaries, gateways and peering."""

from typing import Any

import pytest
import yaml

from fleet.mesh.ca import cacerts
from fleet.mesh.peering import decode_token
from tests.unit.configs import fleet_of, stack
from tests.unit.graph import Graph, build, is_secret

RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
NETWORKS = {"eu": "network3", "ap": "network1", "us": "network2"}


@pytest.fixture(scope="module")
def dev() -> Graph:
    return build(stack("dev"))


def values_of(graph: Graph, release: str) -> Any:
    return graph.one(RELEASE, release).plain()["values"]


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
        assert values["env"] == {"ISTIO_META_REQUESTED_NETWORK_VIEW": network}


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


def test_ingress_gateways_can_be_turned_off() -> None:
    graph = build(fleet_of(2, mesh={"ingress": {"enabled": False}}))
    assert not graph.of_type("fleet:mesh:IngressGateway")
    assert not graph.of_type("kubernetes:networking.istio.io/v1:VirtualService")
    assert graph.outputs["fleet"]["ingresses"] == {}


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


def test_peers_may_read_what_istio_reads_and_no_more(dev: Graph) -> None:
    binding = dev.one("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", "ap-peer-access-binding").plain()
    assert binding["roleRef"]["name"] == "istio-reader-clusterrole-istio-system"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "fleet-peer", "namespace": "istio-system"}]


def test_another_generation_is_another_token_secret() -> None:
    graph = build(fleet_of(2, mesh={"remoteTokenGeneration": 7}))
    token = graph.one(SECRET, "m0-peer-access-token").plain()
    assert token["metadata"]["name"] == "fleet-peer-7"
    assert token["metadata"]["annotations"] == {"kubernetes.io/service-account.name": "fleet-peer"}


@pytest.mark.parametrize("data", [None, {}, {"ca.crt": ""}])
def test_a_token_that_is_not_issued_yet_is_an_error(data: dict[str, str] | None) -> None:
    with pytest.raises(ValueError, match="not issued yet"):
        decode_token(data)


def test_values_of_the_stack_go_over_ours() -> None:
    graph = build(
        fleet_of(1, mesh={"istiodValues": {"pilot": {"cpu": 1}}, "gatewayValues": {"replicaCount": 2}, "id": "mesh9"})
    )
    istiod = values_of(graph, "m0-istio-istiod")
    assert istiod["pilot"] == {"cpu": 1}
    assert istiod["global"]["meshID"] == "mesh9"
    assert values_of(graph, "m0-ingress-release")["replicaCount"] == 2
