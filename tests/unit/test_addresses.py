"""Claims about where load balancers are reached, and about who asks."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
import urllib3
from kubernetes import client
from tenacity import wait_none

from fleet.lke import addresses, readiness
from fleet.lke.kubeconfig import ApiServer, with_token
from tests.unit import graph
from tests.unit.configs import stack
from tests.unit.graph import Stage, build
from tests.unit.keys import pair

KUBECONFIG = with_token(name="us", server=ApiServer(url="https://192.0.2.1:6443", ca_pem=pair()[0]), token="the-token")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the API server answers, attempt by attempt: a Service's ingress, or an error to raise."""
    found: list[Any] = []

    def read(_self: client.CoreV1Api, name: str, namespace: str, *, _request_timeout: float) -> SimpleNamespace:
        assert _request_timeout == readiness.REQUEST_TIMEOUT_SECONDS, "an answer may never come"
        assert (namespace, name) == ("istio-system", "istio-ingressgateway")
        answer = found.pop(0)
        if isinstance(answer, Exception):
            raise answer
        balancer = client.V1LoadBalancerStatus(ingress=[client.V1LoadBalancerIngress(**answer)])
        return SimpleNamespace(status=client.V1ServiceStatus(load_balancer=balancer))

    monkeypatch.setattr(client.CoreV1Api, "read_namespaced_service", read)
    monkeypatch.setattr(addresses._status.retry, "wait", wait_none())
    return found


def ask() -> str:
    return asyncio.run(addresses.asked(KUBECONFIG, "istio-system", "istio-ingressgateway"))


def test_an_update_asks_the_cluster_until_it_answers(answers: list[Any]) -> None:
    unreachable = urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("us.example"), "/", None)
    answers += [unreachable, client.ApiException(status=500), {"ip": "203.0.113.7"}]
    assert ask() == "203.0.113.7"
    answers += [{"hostname": "lb.example"}]
    assert ask() == "lb.example"


def test_a_cluster_that_does_not_tell_is_an_error_that_names_the_service_and_no_secret(
    answers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses._status.retry, "stop", lambda state: state.attempt_number == 2)
    answers += [client.ApiException(status=500, reason="Internal Server Error")] * 2
    with pytest.raises(pulumi.RunError, match=r"istio-system/istio-ingressgateway .*500.*`pulumi up` again") as caught:
        ask()
    assert "the-token" not in str(caught.value)


@pytest.mark.parametrize("stage", Stage)
def test_the_program_reads_nothing_live_through_the_engine(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview would read it too, and end where no ACL lets it in."""
    read: list[str] = []
    original = graph.Recorder.ReadResource

    def note(self: graph.Recorder, request: Any) -> Any:
        read.append(request.name)
        return original(self, request)

    monkeypatch.setattr(graph.Recorder, "ReadResource", note)
    build(stack("prod"), stage)
    assert read == []
