"""Claims about the wait for what was submitted to Karmada."""

import asyncio
from typing import Any

import pulumi
import pytest
import urllib3
from kubernetes import client
from tenacity import stop_after_attempt

from fleet.karmada import replicas
from fleet.lke import readiness
from fleet.lke.kubeconfig import ApiServer, with_token
from tests.unit.configs import stack
from tests.unit.graph import Stage, build, built
from tests.unit.keys import pair

KUBECONFIG = with_token(
    name="karmada", server=ApiServer(url="https://192.0.2.1:6443", ca_pem=pair()[0]), token="the-token"
)


def hello(wanted: int = 3, generation: int = 2, **status: int | None) -> client.V1Deployment:
    """The Deployment hello in Karmada, in its second generation."""
    empty = client.V1LabelSelector()
    return client.V1Deployment(
        metadata=client.V1ObjectMeta(name="hello", generation=generation),
        spec=client.V1DeploymentSpec(replicas=wanted, selector=empty, template=client.V1PodTemplateSpec()),
        status=client.V1DeploymentStatus(**status),
    )


def reported(there: int, updated: int, ready: int) -> dict[str, int]:
    """What all members together report on the second generation."""
    return {"observed_generation": 2, "replicas": there, "updated_replicas": updated, "ready_replicas": ready}


@pytest.mark.parametrize(
    ("deployment", "missing"),
    [
        (hello(), "some members have not reported on its latest template"),
        (
            hello(**reported(3, 3, 3) | {"observed_generation": 1}),
            "some members have not reported on its latest template",
        ),
        (hello(observed_generation=2), "of 3 replicas 0 there, 0 of its latest template, 0 ready"),
        (hello(**reported(3, 3, 2)), "of 3 replicas 2 ready"),
        (hello(**reported(4, 3, 3)), "of 3 replicas 4 there"),
        (hello(**reported(4, 3, 4)), "of 3 replicas 4 there, 4 ready"),
        (hello(**reported(3, 3, 3)), ""),
        (hello(wanted=0), ""),
    ],
)
def test_a_deployment_is_ready_when_all_replicas_are_of_its_latest_template_and_no_other_is_left(
    deployment: client.V1Deployment, missing: str
) -> None:
    assert replicas.what_is_missing(deployment) == missing


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Karmada answers, look by look: a Deployment, or an error to raise."""
    expected: list[Any] = []

    def read(_self: client.AppsV1Api, name: str, namespace: str, *, _request_timeout: float) -> Any:
        assert _request_timeout == readiness.REQUEST_TIMEOUT_SECONDS, "an answer may never come"
        assert (name, namespace) == ("hello", "default")
        answer = expected.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(client.AppsV1Api, "read_namespaced_deployment", read)
    monkeypatch.setattr(replicas, "PAUSE_SECONDS", 0)
    return expected


def test_an_update_goes_on_when_the_last_replica_is_ready(answers: list[Any]) -> None:
    unreachable = urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("karmada.example"), "/", None)
    answers += [unreachable, client.ApiException(status=404), hello(), hello(**reported(3, 3, 3))]
    asyncio.run(replicas.wait_until_ready("hello", "default", KUBECONFIG))
    assert answers == []


def test_giving_up_says_how_many_replicas_are_missing_and_where_to_look(
    answers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "stop_after_delay", lambda _: stop_after_attempt(2))
    answers += [hello(), hello(**reported(3, 3, 1))]
    said = r"hello is not ready .* \(of 3 replicas 1 ready\).*describe resourcebinding hello-deployment"
    with pytest.raises(pulumi.RunError, match=said) as caught:
        asyncio.run(replicas.wait_until_ready("hello", "default", KUBECONFIG))
    assert "the-token" not in str(caught.value)


@pytest.mark.parametrize("workload", ["hello", "sleep"])
def test_what_an_update_creates_and_what_it_changes_is_noted_alike(workload: str) -> None:
    node = built(stack("dev")).one("kubernetes:apps/v1:Deployment", f"{workload}.submission.deployment")
    assert node.after_create == node.after_update == (f"{workload}.submission.deployment-ready",)


@pytest.fixture
def waited_for(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """For which Deployments the program has waited, where, and with which kubeconfig."""
    seen: list[tuple[str, str, str]] = []

    async def note(deployment: str, namespace: str, kubeconfig: str) -> None:
        seen.append((deployment, namespace, kubeconfig))

    monkeypatch.setattr(replicas, "wait_until_ready", note)
    return seen


def test_an_update_waits_for_all_that_it_has_created_as_the_program(waited_for: list[tuple[str, str, str]]) -> None:
    graph = build(stack("dev"), hooked=True)
    seen = {(deployment, namespace, graph.common_name(kubeconfig)) for deployment, namespace, kubeconfig in waited_for}
    program = "fleet:program"
    assert seen == {("hello", "default", program), ("sleep", "default", program)}, (
        "an operator may be shut out at any moment"
    )


@pytest.mark.parametrize("stage", Stage)
def test_what_is_left_as_it_was_is_not_waited_for(stage: Stage, waited_for: list[tuple[str, str, str]]) -> None:
    build(stack("dev"), stage)
    assert waited_for == [], "a change of something else would not end while a member is lost"
