"""Who may do what on real API servers: viewers look, and operators do everything until their generation ends."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509

from fleet.karmada.users import OPERATOR
from fleet.lke.viewers import NAMESPACE, VIEWER
from fleet.naming import ISTIO_NAMESPACE, KARMADA, KARMADA_NAMESPACE
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.verify.karmada import joined
from sandbox.verify.kubeconfigs import keep_all, keep_views
from sandbox.verify.member import Client, View
from sandbox.verify.survey import survey
from tests.article import HELLO, SLEEP, WORKLOADS
from tests.e2e.clients import eventually
from tests.e2e.load import load
from tests.e2e.running import hello_by_member

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

CLUSTERS = ("cluster-manager", "eu", "ap", "us")
RAISED: dict[str, Any] = {"karmada": {"operatorGeneration": 2}, "viewerGeneration": 2}
LOGGED = {"cluster-manager": ("karmada-controller-manager", KARMADA_NAMESPACE)}
"""What has logs in a cluster, and where, if it is not istiod."""
SECRETS = [
    ("get", "secrets", "--all-namespaces"),
    ("get", "secret", f"{VIEWER}-1", f"--namespace={NAMESPACE}"),
    ("get", "configmaps", "--all-namespaces"),
    ("create", "token", VIEWER, f"--namespace={NAMESPACE}"),
]
# Tried by the server and never done, should it be allowed after all.
WRITES = [
    ("create", "configmap", "written", "--dry-run=server"),
    ("create", "namespace", "written", "--dry-run=server"),
    ("create", "clusterrolebinding", "written", "--clusterrole=cluster-admin", "--user=me", "--dry-run=server"),
    ("delete", "namespace", "default", "--dry-run=server"),
    ("label", "namespace", "default", "written=yes", "--dry-run=server"),
]


def refused(client: Client, line: Sequence[str]) -> bool:
    """Whether an API server knows who asks, and does not let them."""
    try:
        client.kubectl(*line, timeout_seconds=20.0)
    except CommandError as error:
        return re.search("forbidden", error.output, re.IGNORECASE) is not None
    return False


def allowed(client: Client, lines: Sequence[Sequence[str]]) -> list[str]:
    """The commands that are not refused."""
    return [" ".join(line) for line in lines if not refused(client, line)]


def inside_of(view: View) -> list[tuple[str, ...]]:
    """Ways through a cluster's API server into a pod or to a kubelet."""
    [pod, *_] = [pod["metadata"]["name"] for pod in view.get("pods", f"--namespace={NAMESPACE}")["items"]]
    [node, *_] = [node["metadata"]["name"] for node in view.get("nodes")["items"]]
    at = f"--namespace={NAMESPACE}"
    return [
        ("exec", pod, at, "--", "true"),
        ("port-forward", f"pod/{pod}", at, ":53"),
        ("attach", pod, at),
        ("delete", "pod", pod, at, "--dry-run=server"),
        ("get", f"--raw=/api/v1/nodes/{node}/proxy/pods"),
        ("get", f"--raw=/api/v1/namespaces/{NAMESPACE}/pods/{pod}/proxy/"),
        ("get", f"--raw=/api/v1/namespaces/{NAMESPACE}/services/kube-dns/proxy/"),
    ]


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_in_a_cluster_a_viewer_is_refused_secrets_writes_and_the_insides_of_pods(fleet: Fleet, cluster: str) -> None:
    view = fleet.views[cluster]
    assert allowed(view, [*SECRETS, *WRITES, *inside_of(view)]) == []


@pytest.mark.parametrize("member", ["eu", "ap", "us"])
def test_in_a_member_a_viewer_cannot_touch_what_runs_there(fleet: Fleet, member: str) -> None:
    lines = [
        ("exec", f"deployment/{SLEEP}", f"--container={SLEEP}", "--", "true"),
        ("scale", f"deployment/{HELLO}", "--replicas=0", "--dry-run=server"),
        ("delete", "destinationrules.networking.istio.io", HELLO, "--dry-run=server"),
        ("get", "secret", "cacerts", "--namespace=istio-system"),
    ]
    assert allowed(fleet.views[member], lines) == []


def test_in_karmada_a_viewer_is_refused_secrets_works_members_behind_it_and_writes(fleet: Fleet) -> None:
    lines = [
        *SECRETS,
        *WRITES,
        ("get", "works.work.karmada.io", "--all-namespaces"),
        ("get", "works.work.karmada.io", "--namespace=karmada-es-us"),
        ("get", "--raw=/apis/cluster.karmada.io/v1alpha1/clusters/us/proxy/api/v1/secrets"),
        ("scale", f"deployment/{HELLO}", "--replicas=0", "--dry-run=server"),
        ("delete", f"propagationpolicy/{HELLO}-propagation", "--dry-run=server"),
        ("delete", "clusters.cluster.karmada.io", "us", "--dry-run=server"),
    ]
    assert allowed(fleet.views[KARMADA], lines) == []


def test_viewers_see_all_that_is_on_the_page(fleet: Fleet) -> None:
    seen = survey(fleet.outputs, fleet.layout, fleet.views, workloads=WORKLOADS, calls={}, checked=())
    assert {cluster.name for cluster in seen.clusters} == set(CLUSTERS)
    assert all(cluster.ready_nodes == cluster.nodes >= 1 for cluster in seen.clusters)
    assert {member.agent for member in seen.members} == {"Pull, Ready"}
    assert {member.name: member.replicas[HELLO] for member in seen.members} == hello_by_member(fleet.members)


def test_viewers_see_why_something_is_as_it_is(fleet: Fleet) -> None:
    for cluster in CLUSTERS:
        view = fleet.views[cluster]
        logged, namespace = LOGGED.get(cluster, ("istiod", ISTIO_NAMESPACE))
        assert view.kubectl("logs", f"deployment/{logged}", f"--namespace={namespace}", "--tail=1")
        for kind in ("events", "deployments", "customresourcedefinitions"):
            assert "items" in view.get(kind, "--all-namespaces")
    for member in ("eu", "ap", "us"):
        assert fleet.views[member].get("destinationrules.networking.istio.io", HELLO)
    karmada = fleet.views[KARMADA]
    assert joined(karmada).keys() == set(fleet.members)
    for kind in ("deployments", "propagationpolicies", "resourcebindings.work.karmada.io", "leases"):
        assert karmada.get(kind, "--all-namespaces")["items"], kind


def whoami(client: Client) -> Any:
    """Whom an API server takes a client for."""
    return json.loads(client.kubectl("auth", "whoami", "--output=json"))["status"]["userInfo"]


def test_the_operator_of_karmada_is_no_master_and_may_do_everything(fleet: Fleet) -> None:
    [user] = yaml.safe_load(fleet.outputs["karmadaKubeconfig"])["users"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["user"]["client-certificate-data"]))
    assert not certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    found = whoami(fleet.karmada)
    assert found["username"].startswith(f"{OPERATOR}:")
    assert found["groups"] == ["system:authenticated"]
    assert fleet.karmada.kubectl("auth", "can-i", "*", "*").strip() == "yes"


def shut_out(client: Client, *what: str) -> bool:
    """Whether who could look before cannot any more."""
    try:
        client.get(*what)
    except CommandError as error:
        return re.search("forbidden|unauthorized|logged in", error.output, re.IGNORECASE) is not None
    return False


def test_another_generation_shuts_out_who_has_the_one_before_for_good_and_no_call_fails(
    fleet: Fleet, tmp_path: Path
) -> None:
    fleet.configured()
    before = fleet.outputs
    operator = Client(kubeconfig=keep_all(before, tmp_path)[KARMADA], layout=fleet.layout)
    viewers = {
        name: Client(kubeconfig=file, layout=fleet.layout) for name, file in keep_views(before, tmp_path).items()
    }
    binding = ("clusterrolebinding", OPERATOR)
    bound = fleet.karmada.get(*binding)["metadata"]["uid"]

    def all_shut_out() -> bool:
        shut = [shut_out(viewer, "clusters" if name == KARMADA else "nodes") for name, viewer in viewers.items()]
        return shut_out(operator, "clusters") and all(shut)

    assert not any(shut_out(viewer, "namespaces") for viewer in [operator, *viewers.values()])
    with load(fleet.members["us"]) as calls:
        fleet.up(**RAISED)
        # An API server remembers for ten seconds that a token was good.
        eventually(all_shut_out, "the first generation is shut out everywhere", within_seconds=60)
    assert calls.failed == []
    assert whoami(fleet.karmada)["username"].startswith(f"{OPERATOR}:2:")
    assert joined(fleet.views[KARMADA]).keys() == set(fleet.members)
    assert fleet.karmada.get(*binding)["metadata"]["uid"] == bound, "one object, so that somebody was always bound"

    fleet.configured()
    assert whoami(fleet.karmada)["username"].startswith(f"{OPERATOR}:1:")
    assert all_shut_out(), "a number that comes again lets nobody in again"
