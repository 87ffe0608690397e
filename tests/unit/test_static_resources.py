"""Claims about the job of the last update, which must be gone before Helm makes it anew."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
import urllib3
from kubernetes import client
from pulumi import Output
from pulumi.runtime import mocks
from tenacity import wait_none

from fleet.karmada import static_resources
from fleet.lke import readiness
from fleet.lke.kubeconfig import ApiServer, with_token
from tests.unit.configs import stack
from tests.unit.graph import Engine, Stage, built, own_event_loop
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
        assert options["_request_timeout"] == readiness.REQUEST_TIMEOUT_SECONDS, "an answer may never come"
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, client.V1Status)
        return answer

    monkeypatch.setattr(client.BatchV1Api, "delete_namespaced_job", delete)
    monkeypatch.setattr(static_resources._remove.retry, "wait", wait_none())
    return answers


def clear() -> None:
    asyncio.run(static_resources.clear(KUBECONFIG))


def test_where_there_is_no_job_nothing_is_waited_for(attempts: list[Any]) -> None:
    attempts += [GONE]
    clear()
    assert attempts == []


def test_a_job_is_told_to_go_until_it_is_gone(attempts: list[Any]) -> None:
    unreachable = urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("manager.example"), "/", None)
    attempts += [DELETED, unreachable, client.ApiException(status=500), DELETED, GONE]
    clear()
    assert attempts == []


def test_a_job_that_stays_is_an_error_that_says_what_follows(
    attempts: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static_resources._remove.retry, "stop", lambda state: state.attempt_number == 2)
    attempts += [DELETED, DELETED]
    with pytest.raises(pulumi.RunError, match=r"karmada-static-resource .* CRDs would not follow") as caught:
        clear()
    assert "the-token" not in str(caught.value)


def test_an_update_of_the_release_runs_it_first_and_nothing_else_does() -> None:
    graph = built(stack("dev"))
    hooked = {node.name: node.before_update for node in graph.of_type("kubernetes:helm.sh/v3:Release")}
    assert {name for name, hooks in hooked.items() if "karmada-static-resources" in hooks} == {"karmada-release"}
    release = graph.one("kubernetes:helm.sh/v3:Release", "karmada-release")
    assert release.inputs["namespace"] == "karmada-system"


def test_the_hook_reaches_the_manager_as_the_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    async def clear(kubeconfig: str) -> None:
        given.append(kubeconfig)

    monkeypatch.setattr(static_resources, "clear", clear)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]  # it drains what the program leaves pending
    def program() -> Any:
        manager = SimpleNamespace(kubeconfig=Output.secret(KUBECONFIG))
        binding = static_resources.before_update("karmada", cast("Any", manager))
        assert [key for key, value in vars(binding).items() if value] == ["before_update"], (
            "the first release finds no job"
        )
        (hook,) = binding.before_update or []
        assert getattr(hook, "opts", None) is None, "by default no preview runs it, and an error stops the update"
        return hook(pulumi.ResourceHookArgs(urn="urn", id="id", name="karmada-release", type="Release"))

    with own_event_loop():
        mocks.set_mocks(Engine(Stage.UPDATE))
        program()
    assert given == [KUBECONFIG]
