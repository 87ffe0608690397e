"""Claims about releases whose last operation was cut off."""

import asyncio
import base64
import gzip
import json
from typing import Any

import pulumi
import pytest
from kubernetes import client
from kubernetes.client import rest
from tenacity import wait_none

from fleet import pending_releases
from fleet.lke.kubeconfig import ApiServer, with_token
from tests.unit.apis import Apis
from tests.unit.configs import stack
from tests.unit.graph import built
from tests.unit.keys import pair

EU = ApiServer(url="https://eu.example:6443", ca_pem=pair()[0])
KUBECONFIG = with_token(name="eu", server=EU, token="the-token")
FOLDER = "eu.example/api/v1/namespaces/istio-system/secrets"


@pytest.fixture
def apis(monkeypatch: pytest.MonkeyPatch) -> Apis:
    """The member's API server, whose Secrets are those of Helm."""
    found = Apis()
    monkeypatch.setattr(rest.RESTClientObject, "request", lambda _self, *line, **given: found.request(*line, **given))
    for asking in (pending_releases._settle, pending_releases._forget):
        monkeypatch.setattr(asking.retry, "wait", wait_none())
    return found


def record(apis: Apis, revision: int, status: str, *, release: str = "istiod") -> str:
    """Helm's record of a revision; where it is."""
    written = {"name": release, "version": revision, "info": {"status": status}, "config": {"password": "the-password"}}
    inner = base64.b64encode(gzip.compress(json.dumps(written).encode()))
    name = f"sh.helm.release.v1.{release}.v{revision}"
    labels = {"owner": "helm", "name": release, "status": status, "version": str(revision)}
    apis.objects[f"{FOLDER}/{name}"] = {
        "metadata": {"name": name, "labels": labels},
        "data": {"release": base64.b64encode(inner).decode()},
    }
    return f"{FOLDER}/{name}"


def read(secret: dict[str, Any]) -> tuple[str, Any]:
    """The status by the label, and the release that is written."""
    inner = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    return secret["metadata"]["labels"]["status"], json.loads(gzip.decompress(inner))


def settle() -> None:
    asyncio.run(pending_releases.settle(KUBECONFIG, "istio-system", "istiod"))


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_what_was_cut_off_has_failed_and_keeps_all_else(apis: Apis, status: str) -> None:
    revision = record(apis, 2, status)
    settle()
    label, written = read(apis.objects[revision])
    assert (label, written["info"]["status"]) == ("failed", "failed")
    assert (written["name"], written["version"], written["config"]) == ("istiod", 2, {"password": "the-password"})


def test_whatever_came_to_its_end_and_other_releases_are_left_alone(apis: Apis) -> None:
    record(apis, 1, "superseded")
    record(apis, 2, "deployed")
    record(apis, 3, "failed")
    record(apis, 1, "pending-upgrade", release="istio-base")
    settle()
    assert apis.changes == []


def test_a_cluster_that_does_not_tell_is_an_error_without_what_it_answered(
    apis: Apis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(method: str, address: str) -> None:
        raise client.ApiException(status=503, reason="the-password")

    apis.before = refuse
    monkeypatch.setattr(pending_releases._settle.retry, "stop", lambda state: state.attempt_number == 2)
    with pytest.raises(pulumi.RunError, match=r"istio-system/istiod was cut off could not be found out") as caught:
        settle()
    assert "the-token" not in str(caught.value)


def test_an_update_of_any_release_settles_it_first() -> None:
    for node in built(stack("dev")).of_type("kubernetes:helm.sh/v3:Release"):
        settling = [hook for hook in node.before_update if hook.endswith("-pending")]
        assert len(settling) == 1, f"{node.name} could be left for ever by one killed engine"


def forget() -> None:
    asyncio.run(pending_releases.forget(KUBECONFIG, "istio-system", "istiod"))


def test_a_release_that_the_stack_does_not_have_is_forgotten_by_helm_and_nothing_else_is_touched(apis: Apis) -> None:
    gone = [record(apis, 1, "superseded"), record(apis, 2, "deployed")]
    other = record(apis, 1, "deployed", release="istio-base")
    apis.objects[f"{FOLDER}/cacerts"] = {"metadata": {"name": "cacerts", "labels": {}}}
    forget()
    assert apis.changes == [f"DELETE {secret}" for secret in gone]
    assert apis.objects.keys() == {other, f"{FOLDER}/cacerts"}


def test_where_no_destroy_broke_off_nothing_is_forgotten(apis: Apis) -> None:
    forget()
    assert apis.changes == []


def test_a_cluster_that_does_not_tell_what_a_destroy_left_is_an_error(
    apis: Apis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(method: str, address: str) -> None:
        raise client.ApiException(status=503)

    apis.before = refuse
    monkeypatch.setattr(pending_releases._forget.retry, "stop", lambda state: state.attempt_number == 2)
    with pytest.raises(pulumi.RunError, match=r"has left the release istio-system/istiod could not be found out"):
        forget()
