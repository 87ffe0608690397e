"""Claims about the gate before a cluster."""

import asyncio
import base64
import re
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
import urllib3
from kubernetes import client
from tenacity import wait_none

from fleet import waiting
from fleet.lke import readiness
from fleet.lke.kubeconfig import ApiServer, with_token
from tests.unit.keys import pair

KUBECONFIG = with_token(name="us", server=ApiServer(url="https://192.0.2.1:6443", ca_pem=pair()[0]), token="the-token")


def node(status: str) -> client.V1Node:
    """A node whose condition Ready has a status."""
    return client.V1Node(status=client.V1NodeStatus(conditions=[client.V1NodeCondition(type="Ready", status=status)]))


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the API server answers, attempt by attempt: nodes, or an error to raise."""
    answers: list[Any] = []

    def list_node(_self: client.CoreV1Api, *, _request_timeout: float) -> SimpleNamespace:
        assert _request_timeout == readiness.REQUEST_TIMEOUT_SECONDS, "an answer may never come"
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(items=answer)

    monkeypatch.setattr(client.CoreV1Api, "list_node", list_node)
    monkeypatch.setattr(readiness._poll.retry, "wait", wait_none())
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    return answers


def wait(kubeconfig: str = KUBECONFIG) -> str:
    return asyncio.run(readiness.wait_until_ready("us", kubeconfig))


def test_the_gate_opens_at_the_first_ready_node(attempts: list[Any]) -> None:
    unreachable = urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("us.example"), "/", None)
    starting = client.ApiException(status=503)
    attempts += [unreachable, starting, [], [node("False")], [client.V1Node()], [node("False"), node("True")]]
    assert wait() == KUBECONFIG
    assert attempts == []


def test_a_preview_never_waits(attempts: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert wait() == KUBECONFIG


def test_giving_up_names_the_cluster_and_what_to_look_at(attempts: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness._poll.retry, "stop", lambda state: state.attempt_number == 3)
    attempts += [[], [], []]
    with pytest.raises(pulumi.RunError, match=r"cluster 'us' did not become ready .* clusters\.us\.acl") as caught:
        wait()
    assert "the-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (
            401,
            "Unauthorized",
            "answers, and does not take the kubeconfig that the stack's state has (401 Unauthorized)",
        ),
        (403, "Forbidden", "answers, and lets nobody do anything with the kubeconfig that"),
    ],
)
def test_refused_credentials_are_told_at_once_with_what_mends_it(
    attempts: list[Any], status: int, reason: str, said: str
) -> None:
    attempts += [client.ApiException(status=status, reason=reason), [node("True")]]
    with pytest.raises(pulumi.RunError) as caught:
        wait()
    assert said in str(caught.value)
    assert "`pulumi refresh --target '**::us-cluster'`" in str(caught.value)
    assert "acl" not in str(caught.value).lower(), "an answer is no matter of ACLs"
    assert "the-token" not in str(caught.value)
    assert len(attempts) == 1, "no waiting mends it"


def test_whoever_waits_reads_every_half_minute_what_for(attempts: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", told.append)
    monkeypatch.setattr(waiting, "TELL_SECONDS", 0)
    attempts += [shut(), client.ApiException(status=503, reason="Service Unavailable"), [], [node("True")]]
    wait()
    assert [re.sub(r"\d+ s so far", "N s so far", line) for line in told] == [
        f"waiting for a Ready node of cluster 'us', N s so far; last seen: {seen}"
        for seen in ("no answer (MaxRetryError)", "503 Service Unavailable", "it answers, and has none")
    ]


def test_whoever_does_not_wait_long_reads_nothing(attempts: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", told.append)
    attempts += [shut(), [], [node("True")]]
    wait()
    assert told == []


def test_a_client_leaves_it_to_the_gate_to_try_again_and_to_say_so() -> None:
    with readiness.connect(KUBECONFIG) as api:
        assert api.configuration.retries is False


def test_an_unusable_kubeconfig_is_an_error_that_does_not_quote_it(attempts: list[Any]) -> None:
    broken = base64.b64encode(b"the-token").decode()
    with pytest.raises(pulumi.RunError, match="cannot be read") as caught:
        wait(f"clusters: [{{cluster: {{certificate-authority-data: {broken}}}}}]")
    assert broken not in str(caught.value)


@pytest.fixture
def knocks(monkeypatch: pytest.MonkeyPatch) -> list[Exception | None]:
    """What becomes of each knock at Karmada's door: an error to raise, or an answer."""
    answers: list[Exception | None] = []

    def get_code(_self: client.VersionApi, *, _request_timeout: float) -> None:
        assert _request_timeout == readiness.REQUEST_TIMEOUT_SECONDS, "an answer may never come"
        if answer := answers.pop(0):
            raise answer

    monkeypatch.setattr(client.VersionApi, "get_code", get_code)
    monkeypatch.setattr(readiness._knock.retry, "wait", wait_none())
    return answers


def shut() -> Exception:
    """What a client sees of a firewall that drops its packets."""
    return urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("karmada.example"), "/version", None)


@pytest.mark.parametrize("answer", [None, client.ApiException(status=401), client.ApiException(status=403)])
def test_whoever_gets_an_answer_of_karmada_was_let_in(knocks: list[Exception | None], answer: Exception | None) -> None:
    knocks += [shut(), answer]
    assert asyncio.run(readiness.wait_until_let_in(KUBECONFIG)) == KUBECONFIG
    assert knocks == []


def test_whoever_is_shut_out_reads_that_the_acl_may_lack_its_network(
    knocks: list[Exception | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness._knock.retry, "stop", lambda state: state.attempt_number == 2)
    knocks += [shut(), shut()]
    with pytest.raises(
        pulumi.RunError, match=r"\(no answer \(MaxRetryError\)\)\. Is the network .* in karmada\.acl\?"
    ) as caught:
        asyncio.run(readiness.wait_until_let_in(KUBECONFIG))
    assert "the-token" not in str(caught.value)
