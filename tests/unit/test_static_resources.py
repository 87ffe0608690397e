"""Claims about the job of the last update, which must be gone before Helm makes it anew."""

import asyncio
from typing import Any

import pulumi
import pytest
import urllib3
from kubernetes import client
from tenacity import wait_none

from fleet.karmada import static_resources
from fleet.kubeconfig import ApiServer, with_token
from tests.unit.configs import stack
from tests.unit.graph import Stage, build, unwrap
from tests.unit.keys import pair

MANAGER = ApiServer(url="https://192.0.2.1:6443", ca_pem=pair()[0])
KUBECONFIG = with_token(name="manager", server=MANAGER, token="the-token")
DELETED = client.V1Status(status="Success")
GONE = client.ApiException(status=404)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the API server answers, attempt by attempt: a status, or an error to raise."""
    answers: list[Any] = []

    def delete(_self: client.BatchV1Api, name: str, namespace: str, **options: Any) -> client.V1Status:
        assert (name, namespace) == ("karmada-static-resource", "karmada-system")
        assert options["propagation_policy"] == "Foreground", "its pods go before it does"
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, client.V1Status)
        return answer

    monkeypatch.setattr(client.BatchV1Api, "delete_namespaced_job", delete)
    monkeypatch.setattr(static_resources._remove.retry, "wait", wait_none())
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    return answers


def clear() -> str:
    return asyncio.run(static_resources.clear("karmada-system", KUBECONFIG))


def test_where_there_is_no_job_nothing_is_waited_for(attempts: list[Any]) -> None:
    attempts += [GONE]
    assert clear() == "karmada-system"
    assert attempts == []


def test_a_job_is_told_to_go_until_it_is_gone(attempts: list[Any]) -> None:
    unreachable = urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("manager.example"), "/", None)
    attempts += [DELETED, unreachable, client.ApiException(status=500), DELETED, GONE]
    assert clear() == "karmada-system"
    assert attempts == []


def test_a_preview_removes_nothing(attempts: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert clear() == "karmada-system"


def test_a_job_that_stays_is_an_error_that_says_what_follows(
    attempts: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static_resources._remove.retry, "stop", lambda state: state.attempt_number == 2)
    attempts += [DELETED, DELETED]
    with pytest.raises(pulumi.RunError, match=r"karmada-static-resource .* CRDs would not follow") as caught:
        clear()
    assert "the-token" not in str(caught.value)


@pytest.mark.parametrize("stage", Stage)
def test_the_release_waits_for_it_on_the_manager_and_its_namespace_is_no_secret(stage: Stage) -> None:
    graph = build(stack("dev"), stage)
    release = graph.one("kubernetes:helm.sh/v3:Release", "karmada-release")
    assert {"karmada-namespace", "cluster-manager-cluster"} <= {
        urn.rpartition("::")[2] for urn in release.sources["namespace"]
    }
    if stage is Stage.UPDATE:
        manager = unwrap(graph.outputs["fleet"]["kubeconfigs"])["cluster-manager"]
        assert graph.cleared == [("karmada-system", manager)]
        assert release.inputs["namespace"] == "karmada-system"
