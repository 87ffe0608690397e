"""Claims about the mesh's roots while one follows another."""

from typing import Any

import pytest

from tests.unit.configs import fleet_of
from tests.unit.graph import Graph, Stage, build, built

SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
STEPS: dict[str, dict[str, Any]] = {
    "one root": {},
    "both trusted": {"roots": ["root", "next"]},
    "the next signs": {"roots": ["root", "next"], "signing": "next"},
    "the next alone": {"roots": ["next"]},
}


@pytest.fixture(scope="module", params=Stage)
def rotation(request: pytest.FixtureRequest) -> dict[str, Graph]:
    return {step: build(fleet_of(2, certs={"mesh": mesh}), request.param) for step, mesh in STEPS.items()}


@pytest.fixture(scope="module")
def updated() -> dict[str, Graph]:
    return {step: build(fleet_of(2, certs={"mesh": mesh})) for step, mesh in STEPS.items()}


def cacerts(graph: Graph, member: str) -> Any:
    return graph.one(SECRET, f"{member}-istio-cacerts").plain()["stringData"]


def istiod(graph: Graph, member: str) -> Any:
    return graph.one(RELEASE, f"{member}-istio-istiod").plain()["values"]


def test_another_root_leaves_the_first_and_what_it_signed_as_they_are(rotation: dict[str, Graph]) -> None:
    before, after = rotation["one root"], rotation["both trusted"]
    kinds = (SELF_SIGNED, SIGNED, "tls:index/privateKey:PrivateKey", "tls:index/certRequest:CertRequest")
    for node in before.of_type(*kinds):
        assert after.nodes[node.urn].inputs == node.inputs, f"{node.name} would be replaced"
    added = {node.name for node in after.of_type(*kinds)} - {node.name for node in before.of_type(*kinds)}
    assert added == {"mesh-next-key", "mesh-next-cert"}


def test_no_step_renames_a_root_that_stays(rotation: dict[str, Graph]) -> None:
    roots = {step: {node.urn for node in graph.of_type(SELF_SIGNED)} for step, graph in rotation.items()}
    assert roots["the next signs"] == roots["both trusted"]
    assert roots["the next alone"] < roots["both trusted"]


def test_roots_are_told_apart_by_their_subjects(rotation: dict[str, Graph]) -> None:
    graph = rotation["both trusted"]
    subjects = {node.name: node.plain()["subject"]["commonName"] for node in graph.of_type(SELF_SIGNED)}
    assert subjects["mesh-root-cert"] == "Root CA"
    assert subjects["mesh-next-cert"] == "Root CA next"


@pytest.mark.parametrize(
    ("step", "trusted", "signer"),
    [
        ("one root", ["mesh-root-cert"], "mesh-root-cert"),
        ("both trusted", ["mesh-root-cert", "mesh-next-cert"], "mesh-root-cert"),
        ("the next signs", ["mesh-next-cert", "mesh-root-cert"], "mesh-next-cert"),
        ("the next alone", ["mesh-next-cert"], "mesh-next-cert"),
    ],
)
def test_each_step_trusts_and_signs_as_it_says(
    updated: dict[str, Graph], step: str, trusted: list[str], signer: str
) -> None:
    for member in ("m0", "m1"):
        data = cacerts(updated[step], member)
        assert data["root-cert.pem"] == "".join(f"PEM of {root}\n" for root in trusted), "the signing root first"
        assert data["cert-chain.pem"].splitlines()[-1] == f"PEM of {signer}"
        intermediate = updated[step].one(SIGNED, f"{member}-istio-ca-intermediate-cert").plain()
        assert intermediate["caCertPem"] == f"PEM of {signer}\n"
        assert intermediate["caPrivateKeyPem"] == f"PEM of {signer.replace('cert', 'key')}\n"


def test_every_step_changes_what_sidecars_are_told_to_trust(updated: dict[str, Graph]) -> None:
    told = [cacerts(graph, "m0")["root-cert.pem"] for graph in updated.values()]
    assert len(set(told)) == len(told), "a sidecar asks for a certificate of the new root when this text changes"


def test_every_step_starts_a_new_istiod_that_reads_the_roots(updated: dict[str, Graph]) -> None:
    annotations = [istiod(graph, "m0")["podAnnotations"]["fleet/roots"] for graph in updated.values()]
    assert len(set(annotations)) == len(annotations)
    again = built(fleet_of(2))
    assert istiod(again, "m0")["podAnnotations"]["fleet/roots"] == annotations[0], "no change, no restart"


def test_sidecars_take_changed_roots_without_a_restart(updated: dict[str, Graph]) -> None:
    values = istiod(updated["one root"], "m0")
    assert values["env"]["ISTIO_MULTIROOT_MESH"] == "true"
    assert values["meshConfig"]["defaultConfig"]["proxyMetadata"] == {"PROXY_CONFIG_XDS_AGENT": "true"}
