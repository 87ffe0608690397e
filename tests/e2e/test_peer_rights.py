"""What the tokens that members give to each other are good for: each one tried, in the member that gave it."""

from __future__ import annotations

import base64
import itertools
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from fleet.naming import ISTIO_NAMESPACE, remote_secret
from policies.guardrails.rights import excess
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.verify.member import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

IN_ISTIO_SYSTEM: Final = f"--namespace={ISTIO_NAMESPACE}"
DRY_RUN: Final = "--dry-run=server"
"""The API server asks whether somebody may do it, and does not do it."""
REFUSED: Final[dict[str, tuple[str, ...]]] = {
    "all secrets": ("get", "secrets", "--all-namespaces"),
    "the authority's key": ("get", "secret", "cacerts", IN_ISTIO_SYSTEM),
    "the agent's credentials": ("get", "secrets", "--namespace=karmada-system"),
    "all config maps": ("get", "configmaps", "--all-namespaces"),
    "other config maps of istio-system": ("get", "configmaps", IN_ISTIO_SYSTEM),
    "another config map by name": (
        *("get", "configmaps", IN_ISTIO_SYSTEM),
        "--field-selector=metadata.name=istio-ca-root-cert",
    ),
    "a token of its own": ("create", "token", "fleet-peer", IN_ISTIO_SYSTEM),
    "istiod's token": ("create", "token", "istiod", IN_ISTIO_SYSTEM),
    "a config map": ("create", "configmap", "probe", "--from-literal=a=b", DRY_RUN),
    "another role": (
        *("create", "clusterrolebinding", "probe", DRY_RUN),
        *("--clusterrole=cluster-admin", "--serviceaccount=istio-system:fleet-peer"),
    ),
    "a label": ("label", "namespace", "default", "probe=1", DRY_RUN),
    "no istiod": ("scale", "deployment/istiod", "--replicas=0", IN_ISTIO_SYSTEM, DRY_RUN),
    "a service less": ("delete", "service", "hello", DRY_RUN),
    "to be the administrator": ("get", "nodes", "--as=system:admin", "--as-group=system:masters"),
}
REVIEWED: Final[dict[str, dict[str, Any]]] = {
    "whose a token is": {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": "a.b.c"},
    },
    "what somebody else may do": {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": "system:admin", "resourceAttributes": {"verb": "get", "resource": "secrets"}},
    },
}


@pytest.fixture
def given(fleet: Fleet, tmp_path: Path) -> dict[tuple[str, str], Client]:
    """Clients with each remote secret, by the member that reads and the one that is read."""
    members = fleet.configured().members
    return {
        (reader, peer): from_remote_secret(members[reader], peer, tmp_path)
        for reader, peer in itertools.permutations(members, 2)
    }


def from_remote_secret(reader: Member, peer: str, folder: Path) -> Client:
    """A client with what a member's istiod holds for another one."""
    data = reader.get("secret", remote_secret(peer), IN_ISTIO_SYSTEM)["data"]
    kubeconfig = folder / f"{reader.name}-{peer}.yaml"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_bytes(base64.b64decode(data[peer]))
    return Client(kubeconfig=kubeconfig, layout=reader.layout)


def answer(client: Client, *command: str, stdin: str = "") -> str:
    """What kubectl says, whether it may or not."""
    try:
        return client.kubectl(*command, stdin=stdin)
    except CommandError as error:
        return error.output


def forbidden(said: str) -> bool:
    """Whether the API server refused for want of a right, and for no other reason."""
    return "forbidden" in said.lower()


def test_a_peers_token_reads_no_secret_and_changes_nothing(given: dict[tuple[str, str], Client]) -> None:
    answers = {
        (reader, peer, what): answer(client, *command)
        for (reader, peer), client in given.items()
        for what, command in REFUSED.items()
    }
    assert {who: said for who, said in answers.items() if not forbidden(said)} == {}


def test_a_peers_token_reviews_nobody(given: dict[tuple[str, str], Client]) -> None:
    answers = {
        (reader, peer, what): answer(client, "create", "--filename=-", stdin=json.dumps(review))
        for (reader, peer), client in given.items()
        for what, review in REVIEWED.items()
    }
    assert {who: said for who, said in answers.items() if not forbidden(said)} == {}


def test_a_peers_token_runs_nothing_in_a_pod(given: dict[tuple[str, str], Client]) -> None:
    for client in given.values():
        [istiod, *_] = client.get("pods", IN_ISTIO_SYSTEM, "--selector=app=istiod")["items"]
        path = f"/api/v1/namespaces/{ISTIO_NAMESPACE}/pods/{istiod['metadata']['name']}/exec?command=true&stdout=true"
        # kubectl's own `exec` would be refused a pod by its name, and tell nothing of what comes after.
        assert forbidden(answer(client, "create", "--raw", path, "--filename=-", stdin="{}"))


def test_a_peers_token_reads_the_endpoints_and_the_mesh_config(given: dict[tuple[str, str], Client]) -> None:
    for client in given.values():
        for kind in ("endpointslices", "services", "pods", "namespaces"):
            assert client.get(kind, "--all-namespaces")["items"]
        assert client.get("nodes")["items"]
        [mesh_config] = client.get("configmaps", IN_ISTIO_SYSTEM, "--field-selector=metadata.name=istio")["items"]
        assert "mesh" in mesh_config["data"]


def rights(client: Client, namespace: str) -> Iterator[dict[str, Any]]:
    """What the API server says that a client may do in a namespace, but for asking about itself, which all may."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    said = client.kubectl("create", "--filename=-", "--output=json", stdin=json.dumps(review))
    for rule in json.loads(said)["status"]["resourceRules"]:
        if not all(resource.startswith("selfsubject") for resource in rule["resources"]):
            yield rule


@pytest.mark.parametrize("namespace", [ISTIO_NAMESPACE, "kube-system", "karmada-system", "default"])
def test_a_peers_token_may_list_and_watch_and_nothing_else(
    given: dict[tuple[str, str], Client], namespace: str
) -> None:
    for (reader, peer), client in given.items():
        print(f"\n{reader} in {namespace} of {peer}:\n{client.kubectl('auth', 'can-i', '--list', f'-n={namespace}')}")
        found = list(rights(client, namespace))
        assert found, "the account has its rights"
        for rule in found:
            assert set(rule["verbs"]) <= {"list", "watch"}, rule
            assert list(excess(rule)) == [], rule
