"""Claims about Karmada's control plane and its certificates."""

import re
from typing import Any

import pytest
import yaml

from fleet.config.reader import parse
from fleet.lke.addresses import published
from tests.unit.configs import fleet_of, stack
from tests.unit.graph import ANSWERS, Graph, Stage, build, built

REQUEST = "tls:index/certRequest:CertRequest"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
ROOT = "tls:index/selfSignedCert:SelfSignedCert"
RELEASE = "kubernetes:helm.sh/v3:Release"
SERVICE = "kubernetes:core/v1:Service"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"


@pytest.fixture(scope="module")
def dev() -> Graph:
    return built(stack("dev"))


@pytest.fixture(scope="module")
def prod() -> Graph:
    return built(stack("prod"))


def values_of(graph: Graph, release: str) -> Any:
    return graph.one(RELEASE, release).plain()["values"]


def manager_ip(graph: Graph) -> str:
    address: str = graph.outputs["stack"]["nodeIps"]["cluster-manager"][0]
    return address


def test_the_servers_certificate_names_the_articles_hosts_and_the_endpoint(dev: Graph) -> None:
    request = dev.one(REQUEST, "karmada-pki-server-request").plain()
    assert request["dnsNames"] == [
        "kubernetes.default.svc",
        "*.etcd.karmada-system.svc.cluster.local",
        "*.karmada-system.svc.cluster.local",
        "*.karmada-system.svc",
        "localhost",
    ]
    assert request["ipAddresses"] == ["127.0.0.1", manager_ip(dev)]


def test_by_node_the_endpoint_is_the_articles(dev: Graph) -> None:
    assert dev.outputs["stack"]["karmadaEndpoint"] == f"https://{manager_ip(dev)}:32443"
    api_server = values_of(dev, "karmada-release")["apiServer"]
    assert (api_server["hostNetwork"], api_server["serviceType"], api_server["nodePort"]) == (False, "NodePort", 32443)


def test_by_load_balancer_the_address_is_known_before_the_certificate(prod: Graph) -> None:
    service = prod.one(SERVICE, "karmada-endpoint")
    assert service.plain()["spec"]["type"] == "LoadBalancer"
    request = prod.one(REQUEST, "karmada-pki-server-request")
    assert "karmada-endpoint" in prod.reaches(request)
    address = prod.outputs["stack"]["karmadaEndpoint"].removeprefix("https://").removesuffix(":5443")
    assert request.plain()["ipAddresses"] == ["127.0.0.1", address]
    assert values_of(prod, "karmada-release")["apiServer"]["serviceType"] == "ClusterIP"


def test_the_load_balancer_does_not_wait_for_pods_that_need_its_address(prod: Graph) -> None:
    annotations = prod.one(SERVICE, "karmada-endpoint").plain()["metadata"]["annotations"]
    assert annotations == {"pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0]}"}


def test_an_endpoint_without_an_address_is_reached_by_its_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    host = "nb-203-0-113-7.frankfurt.nodebalancer.linode.com"
    monkeypatch.setitem(ANSWERS, SERVICE, lambda _: {"status": {"loadBalancer": {"ingress": [{"hostname": host}]}}})
    graph = build(stack("prod"))
    request = graph.one(REQUEST, "karmada-pki-server-request").plain()
    assert request["ipAddresses"] == ["127.0.0.1"]
    assert request["dnsNames"][-1] == host
    assert graph.outputs["stack"]["karmadaEndpoint"] == f"https://{host}:5443"


def test_a_load_balancer_without_an_address_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="run `pulumi up` again"):
        published(None)


def test_the_chart_gets_every_certificate_of_custom_mode(dev: Graph) -> None:
    certs = values_of(dev, "karmada-release")["certs"]
    assert certs["mode"] == "custom"
    assert certs["custom"] == {
        "caCrt": "PEM of karmada-pki-ca-cert\n",
        "caKey": "PEM of karmada-pki-ca-key\n",
        "crt": "PEM of karmada-pki-server-cert\n",
        "key": "PEM of karmada-pki-server-key\n",
        "frontProxyCaCrt": "PEM of karmada-pki-front-proxy-ca-cert\n",
        "frontProxyCrt": "PEM of karmada-pki-front-proxy-cert\n",
        "frontProxyKey": "PEM of karmada-pki-front-proxy-key\n",
    }


def test_etcd_is_on_a_persistent_volume(dev: Graph) -> None:
    internal = values_of(dev, "karmada-release")["etcd"]["internal"]
    assert internal["storageType"] == "pvc", "the chart's hostPath is lost with the node"
    assert internal["pvc"] == {"storageClass": "linode-block-storage", "size": "10Gi"}


def test_the_volume_of_etcd_and_its_claim_belong_to_a_namespace_whose_deletion_is_waited_for(dev: Graph) -> None:
    holder = dev.one("kubernetes:core/v1:Namespace", "karmada-etcd-volume-holder")
    assert (holder.retained, holder.deleted_with) == (False, "")
    assert "karmada-release" not in dev.reaches(holder), "Karmada ends before its volume goes"
    claim = dev.one(f"{CLAIM}Patch", "karmada-etcd-volume-claim")
    assert claim.plain()["metadata"]["name"] == "etcd-data-etcd-0"
    volume = dev.one("kubernetes:core/v1:PersistentVolumePatch", "karmada-etcd-volume-owned")
    metadata = volume.plain()["metadata"]
    assert metadata["name"] == "volume-of-karmada-etcd-volume-claim"
    for owned in (claim, volume):
        [owner] = owned.plain()["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Namespace", "uid-karmada-etcd-volume-holder")
        assert owner["blockOwnerDeletion"] is True
    assert (claim.retained, volume.retained) == (True, True), "taken back, it would free the volume before that"


def test_a_claim_that_has_its_volume_at_once_is_made_while_the_release_is(dev: Graph) -> None:
    claim = dev.one(f"{CLAIM}Patch", "karmada-etcd-volume-claim")
    assert claim.plain()["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "linode-block-storage",
        "resources": {"requests": {"storage": "10Gi"}},
    }
    assert "karmada-release" not in dev.reaches(claim), (
        "an update that breaks off meanwhile leaves a volume of nobody's"
    )


def test_a_claim_that_waits_for_a_pod_is_the_releases() -> None:
    graph = build(fleet_of(1, karmada={"etcd": {"storageClass": "own"}}))
    claim = graph.one(f"{CLAIM}Patch", "karmada-etcd-volume-claim")
    assert "spec" not in claim.plain()
    assert "karmada-release" in graph.reaches(claim)


def test_a_claim_that_is_there_already_keeps_what_it_asks_for() -> None:
    before = {"etcd": {"manager": "m0", "storageClass": "linode-block-storage", "size": "10Gi"}}
    config = fleet_of(1)
    before["etcd"]["manager"] = parse(config).manager
    graph = build(config, deployed=before)
    claim = graph.one(f"{CLAIM}Patch", "karmada-etcd-volume-claim")
    assert "spec" not in claim.plain(), "somebody may have made it larger"
    assert claim.ignore_changes == ("spec",), "and what made it must not take it back"
    assert "karmada-release" in graph.reaches(claim), "after it, since a manager may be replaced by one without a claim"


def test_a_preview_names_a_volume_that_is_not_there_yet() -> None:
    volume = built(stack("dev"), Stage.PREVIEW).one(
        "kubernetes:core/v1:PersistentVolumePatch", "karmada-etcd-volume-owned"
    )
    assert volume.plain()["metadata"]["name"] == "the-volume-of-etcd", "the provider refuses a patch without a name"


@pytest.mark.parametrize("etcd", [{"internal": {"storageType": "hostPath"}}, {"mode": "external"}])
def test_an_etcd_without_a_claim_has_no_volume_to_wait_for(etcd: dict[str, Any]) -> None:
    graph = build(fleet_of(1, karmada={"values": {"etcd": etcd}}))
    assert graph.of_type(f"{CLAIM}Patch", "kubernetes:core/v1:PersistentVolumePatch") == []


def test_no_image_of_karmada_is_left_to_the_charts_latest(dev: Graph) -> None:
    tags = [(path, tag) for path, tag in _tags(values_of(dev, "karmada-release"), "karmada-release")]
    assert len(tags) == 9
    assert all(tag != "latest" and any(character.isdigit() for character in tag) for _, tag in tags), tags


def _tags(value: Any, path: str) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return []
    own = [(path, value["image"]["tag"])] if "image" in value else []
    return own + [found for key, below in value.items() for found in _tags(below, f"{path}.{key}")]


def test_dependencies_propagate_and_taint_policies_work_but_no_taint_evicts(dev: Graph) -> None:
    manager = values_of(dev, "karmada-release")["controllerManager"]
    assert manager["featureGates"] == {"PropagateDeps": True, "Failover": True}
    assert "extraCommandArgs" not in manager, "a NoExecute taint would evict what holds data too"


def test_failover_can_be_turned_off() -> None:
    graph = build(fleet_of(1, karmada={"failover": {"enabled": False}}))
    manager = values_of(graph, "karmada-release")["controllerManager"]
    assert manager["featureGates"] == {"PropagateDeps": True, "Failover": False}
    assert not graph.of_type("kubernetes:policy.karmada.io/v1alpha1:ClusterTaintPolicy")
    (spec,) = (n.plain()["spec"] for n in graph.nodes.values() if n.name == "hello.placement.policy")
    assert "failover" not in spec


def test_the_release_is_done_only_when_karmadas_crds_are_installed(dev: Graph) -> None:
    release = dev.one(RELEASE, "karmada-release").plain()
    assert release["waitForJobs"]
    assert release["values"]["staticResourceJob"]["ttlSecondsAfterFinished"] >= 60, "Helm has to see the job succeed"


def test_values_of_the_stack_go_over_ours() -> None:
    graph = build(fleet_of(1, karmada={"values": {"apiServer": {"logVerbosity": 4}}}))
    api_server = values_of(graph, "karmada-release")["apiServer"]
    assert (api_server["logVerbosity"], api_server["serviceType"]) == (4, "NodePort")


def test_client_certificates_cannot_serve(dev: Graph) -> None:
    for name in ("eu-agent-identity-cert", "karmada-program-cert", "karmada-pki-front-proxy-cert"):
        uses = dev.one(SIGNED, name).plain()["allowedUses"]
        assert uses == ["digital_signature", "key_encipherment", "client_auth"]


def test_only_authorities_may_sign(dev: Graph) -> None:
    for node in dev.below("karmada"):
        if node.type == SIGNED:
            assert node.plain()["isCaCertificate"] is False, node.name
            assert "cert_signing" not in node.plain()["allowedUses"]


def test_authorities_are_renewed_while_a_whole_leaf_still_fits_into_them(dev: Graph) -> None:
    leaf = dev.one(SIGNED, "karmada-pki-server-cert").plain()
    authority = dev.one(ROOT, "karmada-pki-ca-cert").plain()
    assert leaf["validityPeriodHours"] == 365 * 24
    assert authority["earlyRenewalHours"] >= leaf["validityPeriodHours"] + leaf["earlyRenewalHours"]


def test_a_renewed_certificate_restarts_the_pods_that_read_it(dev: Graph) -> None:
    values = values_of(dev, "karmada-release")
    for component in ("apiServer", "kubeControllerManager", "scheduler", "webhook", "controllerManager"):
        assert values[component]["podAnnotations"]["fleet/certificate"], component


def test_a_renewed_authority_restarts_etcd_which_reads_whom_to_trust_only_then(dev: Graph) -> None:
    label = values_of(dev, "karmada-release")["etcd"]["podLabels"]["fleet/authority"]
    assert re.fullmatch("sha256-[0-9a-f]{40}", label)


def test_the_stacks_kubeconfig_leads_to_the_endpoint(dev: Graph) -> None:
    kubeconfig = yaml.safe_load(dev.outputs["stack"]["karmadaKubeconfig"]["value"])
    assert kubeconfig["clusters"][0]["cluster"]["server"] == dev.outputs["stack"]["karmadaEndpoint"]
