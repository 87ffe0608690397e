"""Claims about the hand-over of a member from the agent of an earlier Fleet, which reported credentials."""

import asyncio
from typing import Any, Final

import pulumi
import pytest
import urllib3
from kubernetes.client import rest
from tenacity import stop_after_attempt, wait_none

from fleet.karmada import handover
from fleet.lke import readiness
from fleet.lke.kubeconfig import ApiServer, with_token
from tests.unit.apis import Apis
from tests.unit.configs import stack
from tests.unit.graph import build
from tests.unit.keys import pair

EU: Final = with_token(name="eu", server=ApiServer(url="https://eu.example", ca_pem=pair()[0]), token="token-of-eu")
KARMADA: Final = with_token(
    name="karmada", server=ApiServer(url="https://karmada.example", ca_pem=pair()[0]), token="token-of-karmada"
)
DEPLOYMENTS: Final = "eu.example/apis/apps/v1/namespaces/karmada-system/deployments"
FORMER: Final = f"{DEPLOYMENTS}/karmada-agent"
NEW: Final = f"{DEPLOYMENTS}/fleet-karmada-agent"
PODS: Final = "eu.example/api/v1/namespaces/karmada-system/pods"
POD: Final = f"{PODS}/karmada-agent-6f7-x2"
LEASE: Final = "karmada.example/apis/coordination.k8s.io/v1/namespaces/karmada-system/leases/karmada-agent-eu"
CLUSTER: Final = "karmada.example/apis/cluster.karmada.io/v1alpha1/clusters/eu"
REPORTED: Final = (
    "eu.example/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/karmada-controller-manager:karmada-eu",
    "eu.example/apis/rbac.authorization.k8s.io/v1/clusterroles/karmada-controller-manager:karmada-eu",
    "eu.example/api/v1/namespaces/karmada-cluster/secrets/karmada-eu",
    "eu.example/api/v1/namespaces/karmada-cluster/serviceaccounts/karmada-eu",
    "eu.example/api/v1/namespaces/karmada-cluster/secrets/karmada-impersonator",
    "eu.example/api/v1/namespaces/karmada-cluster/serviceaccounts/karmada-impersonator",
    "karmada.example/api/v1/namespaces/karmada-cluster/secrets/eu",
    "karmada.example/api/v1/namespaces/karmada-cluster/secrets/eu-impersonator",
    "karmada.example/apis/work.karmada.io/v1alpha1/namespaces/karmada-es-eu/works/karmada-impersonator-7cbb6bd5c9",
    "karmada.example/apis/work.karmada.io/v1alpha1/namespaces/karmada-es-eu/works/karmada-impersonator-84f8c8f8c6",
)
"""What an agent of the chart, and Karmada for it, leave in member and control plane (Karmada 1.18.2, pkg/util)."""
OTHERS: Final = (
    "eu.example/api/v1/namespaces/karmada-cluster/secrets/of-a-user",
    "karmada.example/api/v1/namespaces/karmada-cluster/secrets/us",
    "karmada.example/apis/work.karmada.io/v1alpha1/namespaces/karmada-es-eu/works/hello-5f4",
    "karmada.example/apis/work.karmada.io/v1alpha1/namespaces/karmada-es-us/works/karmada-impersonator-7cbb6bd5c9",
)


def deployment(name: str, *, available: int) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "generation": 2},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {}},
        "status": {"observedGeneration": 2, "availableReplicas": available},
    }


@pytest.fixture
def apis(monkeypatch: pytest.MonkeyPatch) -> Apis:
    """A member whose former agent leads and has reported, and whose new one is ready."""
    metadata = {"name": "karmada-agent-eu", "namespace": "karmada-system", "resourceVersion": "7"}
    references = {"secretRef": {"name": "eu"}, "impersonatorSecretRef": {"name": "eu-impersonator"}}
    found = Apis(
        objects={
            FORMER: deployment("karmada-agent", available=1),
            NEW: deployment("fleet-karmada-agent", available=1),
            POD: {"metadata": {"name": "karmada-agent-6f7-x2", "labels": {"app": "karmada-agent", "hash": "6f7"}}},
            f"{PODS}/other": {"metadata": {"name": "other", "labels": {"app": "fleet-karmada-agent"}}},
            LEASE: {
                "metadata": metadata,
                "spec": {"holderIdentity": "karmada-agent-6f7-x2_1a", "leaseDurationSeconds": 15},
            },
            CLUSTER: {"metadata": {"name": "eu"}, "spec": {"id": "uid", "syncMode": "Pull"} | references},
            **{address: {"metadata": {}} for address in (*REPORTED, *OTHERS)},
        }
    )

    def kubelet(method: str, address: str) -> None:
        """Ends the former agent's pod once its Deployment wants none, but not before somebody has looked."""
        if address == PODS and not found.objects[FORMER]["spec"]["replicas"]:
            looked.append(address)
            if len(looked) > 1:
                found.objects.pop(POD, None)

    looked: list[str] = []
    found.before = kubelet

    def request(_self: rest.RESTClientObject, *given: Any, **named: Any) -> rest.RESTResponse:
        assert named["_request_timeout"] == readiness.REQUEST_TIMEOUT_SECONDS, "an answer may never come"
        return found.request(*given, **named)

    monkeypatch.setattr(rest.RESTClientObject, "request", request)
    monkeypatch.setattr(handover._hand_over.retry, "wait", wait_none())
    return found


def hand_over() -> None:
    asyncio.run(handover.hand_over("eu", EU, KARMADA))


def holder(apis: Apis) -> str | None:
    name: str | None = apis.objects[LEASE]["spec"].get("holderIdentity")
    return name


def everything_is_done(apis: Apis) -> bool:
    return (
        apis.objects[FORMER]["spec"]["replicas"] == 0
        and POD not in apis.objects
        and not set(REPORTED) & apis.objects.keys()
        and apis.objects[CLUSTER]["spec"] == {"id": "uid", "syncMode": "Pull"}
    )


def test_the_former_agent_ends_the_lease_is_free_at_once_and_all_that_it_reported_is_gone(apis: Apis) -> None:
    hand_over()
    assert everything_is_done(apis)
    assert holder(apis) is None, "the new agent would wait for 15 s"
    assert {NEW, f"{PODS}/other", *OTHERS} <= apis.objects.keys(), "what others have is left alone"
    assert apis.changes[:2] == [f"PATCH {FORMER}", f"PATCH {LEASE}"], (
        "an agent that starts anew makes its accounts again"
    )


def test_what_was_reported_loses_its_rights_before_anything_else(apis: Apis) -> None:
    hand_over()
    assert apis.changes[2] == f"DELETE {REPORTED[0]}"


@pytest.mark.parametrize("new", [None, deployment("fleet-karmada-agent", available=0)])
def test_a_former_agent_goes_on_until_the_new_one_is_ready(
    apis: Apis, monkeypatch: pytest.MonkeyPatch, new: dict[str, Any] | None
) -> None:
    apis.objects[NEW] = new
    if new is None:
        del apis.objects[NEW]
    monkeypatch.setattr(handover._hand_over.retry, "stop", stop_after_attempt(3))
    with pytest.raises(pulumi.RunError, match=r"'eu' .* the former one reports.*pulumi up") as caught:
        hand_over()
    assert apis.changes == [], "the member would be silent"
    assert "token-of" not in str(caught.value)


def test_an_agent_of_a_template_that_nobody_has_seen_yet_is_not_ready(
    apis: Apis, monkeypatch: pytest.MonkeyPatch
) -> None:
    apis.objects[NEW]["metadata"]["generation"] = 3
    monkeypatch.setattr(handover._hand_over.retry, "stop", stop_after_attempt(3))
    with pytest.raises(pulumi.RunError):
        hand_over()
    assert apis.changes == []


def test_while_the_former_agent_ends_nothing_is_taken_back_that_it_may_make_again(
    apis: Apis, monkeypatch: pytest.MonkeyPatch
) -> None:
    apis.before = lambda method, address: None
    monkeypatch.setattr(handover._hand_over.retry, "stop", stop_after_attempt(3))
    with pytest.raises(pulumi.RunError, match="the former agent has not ended"):
        hand_over()
    assert apis.changes == [f"PATCH {FORMER}"]
    assert holder(apis) is not None


def test_a_lease_that_the_new_agent_has_taken_is_its_own(apis: Apis) -> None:
    apis.objects[LEASE]["spec"]["holderIdentity"] = "fleet-karmada-agent-5d9-k4_7e"
    hand_over()
    assert holder(apis) == "fleet-karmada-agent-5d9-k4_7e"
    assert everything_is_done(apis)


def test_a_lease_that_the_new_agent_takes_just_now_is_its_own(apis: Apis) -> None:
    kubelet = apis.before

    def taking(method: str, address: str) -> None:
        kubelet(method, address)
        if (method, address) == ("PATCH", LEASE):
            lease = apis.objects[LEASE]
            lease["metadata"]["resourceVersion"] = "8"
            lease["spec"]["holderIdentity"] = "fleet-karmada-agent-5d9-k4_7e"

    apis.before = taking
    hand_over()
    assert holder(apis) == "fleet-karmada-agent-5d9-k4_7e"
    assert everything_is_done(apis)


def test_where_no_former_agent_is_only_what_one_has_left_is_looked_for(apis: Apis) -> None:
    del apis.objects[FORMER], apis.objects[POD], apis.objects[LEASE]
    apis.before = lambda method, address: None
    hand_over()
    assert not set(REPORTED) & apis.objects.keys()
    hand_over()
    assert len(apis.changes) == len(REPORTED) + 2, "the Cluster object is told twice, and nothing else is there"


class KilledError(BaseException):
    """The program ends in the middle of a request."""


@pytest.mark.parametrize("place", range(len(REPORTED) + 3))
@pytest.mark.parametrize("answered", ["before the request", "after the request"])
def test_a_run_that_breaks_off_anywhere_is_taken_up_by_the_next(apis: Apis, place: int, answered: str) -> None:
    whole, kubelet = apis.request, apis.before

    def breaking(method: str, url: str, **options: Any) -> rest.RESTResponse:
        if method != "GET" and len(apis.changes) == place and answered == "before the request":
            raise KilledError
        response = whole(method, url, **options)
        if method != "GET" and len(apis.changes) == place + 1 and answered == "after the request":
            raise KilledError
        return response

    apis.request = breaking  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        handover._hand_over("eu", EU, KARMADA)
    apis.request, apis.before = whole, kubelet  # type: ignore[method-assign]
    hand_over()
    assert everything_is_done(apis)
    assert set(OTHERS) <= apis.objects.keys()


def test_an_api_server_that_is_away_for_a_moment_is_asked_again(apis: Apis) -> None:
    kubelet, failures = apis.before, [1, 2]

    def unreachable(method: str, address: str) -> None:
        if address == CLUSTER and failures:
            failures.pop()
            raise urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("karmada.example"), "/", None)
        kubelet(method, address)

    apis.before = unreachable
    hand_over()
    assert everything_is_done(apis)


def test_an_api_server_that_stays_away_is_told_without_a_credential(
    apis: Apis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(method: str, address: str) -> None:
        raise urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("eu.example"), "/", None)

    apis.before = refuse
    monkeypatch.setattr(handover._hand_over.retry, "stop", stop_after_attempt(2))
    with pytest.raises(pulumi.RunError, match=r"'eu' .*MaxRetryError") as caught:
        hand_over()
    assert "token-of" not in str(caught.value)


def test_the_hook_reaches_the_member_and_karmada_as_the_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str, str]] = []

    async def note(member: str, kubeconfig: str, karmada_kubeconfig: str) -> None:
        seen.append((member, kubeconfig, karmada_kubeconfig))

    monkeypatch.setattr(handover, "hand_over", note)
    graph = build(stack("dev"))
    cluster = graph.one("kubernetes:cluster.karmada.io/v1alpha1:Cluster", "eu-agent-cluster")
    [name] = cluster.before_update
    assert (cluster.after_create, cluster.after_update) == ((), ()), "a new fleet has none to run"
    assert graph.hooks[name].opts is None, "by default no preview runs it, and an error stops the update"
    graph.call(name, cluster)
    [(member, kubeconfig, karmada_kubeconfig)] = seen
    assert (member, "token-of-eu-cluster" in kubeconfig) == ("eu", True)
    assert graph.common_name(karmada_kubeconfig) == "fleet:program", "an operator may be shut out at any moment"
