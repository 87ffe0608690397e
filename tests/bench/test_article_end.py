"""The end that both ways are held to: what counts as reached, and what does not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bench.article import istio
from bench.article.end import WrongEndError, check
from bench.article.karmada import KARMADA, REGIONS
from bench.article.terminal import Terminal
from sandbox.clusters.host.layout import Layout
from sandbox.verify.calls import outbound
from tests.article import CALL

if TYPE_CHECKING:
    from pathlib import Path

OWN = "10.2.0.8"
GATEWAYS = {("203.0.113.1", 15443): 4, ("203.0.113.2", 15443): 3}


def pod(app: str, cluster: str) -> dict[str, Any]:
    status = {"podIP": OWN, "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "metadata": {"name": f"{app}-{cluster}", "annotations": {"sidecar.istio.io/status": "{}"}},
        "status": status,
    }


def endpoint(address: tuple[str, int], count: int) -> dict[str, Any]:
    socket = {"address": address[0], "port_value": address[1]}
    return {"address": {"socket_address": socket}, "stats": [{"name": "rq_total", "value": str(count)}]}


@dataclass(kw_only=True)
class Shown(Terminal):
    """A terminal in which kubectl shows what a test says."""

    members: tuple[str, ...]
    replicas: int
    hello: tuple[str, ...]
    endpoints: dict[tuple[str, int], int]
    answers: tuple[str, ...]
    asked: int = 0

    def kubectl(self, kubeconfig: str, *arguments: str, stdin: str = "") -> str:
        assert stdin == ""
        line = " ".join(arguments)
        if kubeconfig == KARMADA:
            ready = {"conditions": [{"type": "Ready", "status": "True"}]}
            clusters = [{"metadata": {"name": name}, "status": ready} for name in self.members]
            return str(self.replicas) if "deployment/hello" in line else json.dumps({"items": clusters})
        cluster = kubeconfig.removeprefix("kubeconfig-")
        if "curl" in line:
            self.asked += 1
            return json.dumps({"hostname": f"hello-{self.answers[self.asked % len(self.answers)]}"})
        if "pilot-agent" in line:
            hosts = [endpoint(address, count) for address, count in self.endpoints.items()]
            return json.dumps({"cluster_statuses": [{"name": outbound(CALL), "host_statuses": hosts}]})
        if "--selector=app=hello" in line:
            return json.dumps({"items": [pod("hello", cluster)] * self.hello.count(cluster)})
        return json.dumps({"items": [pod("sleep", cluster)] if cluster == "us" else []})


def shown(folder: Path, **others: Any) -> Shown:
    """The right end, but for what a test says."""
    right: dict[str, Any] = {
        "members": tuple(REGIONS),
        "replicas": 3,
        "hello": tuple(REGIONS),
        "endpoints": {(OWN, 9898): 3, **GATEWAYS},
        "answers": tuple(REGIONS),
    }
    return Shown(layout=Layout("unused"), folder=folder, charts=folder, **(right | others))


@pytest.mark.parametrize("half", [True, False])
def test_the_right_end_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, half: bool) -> None:
    check(shown(tmp_path), half=half)
    assert ("203.0.113.1 (4), 203.0.113.2 (3)" in capsys.readouterr().out) is not half


@pytest.mark.parametrize(
    "wrong",
    [
        {"members": ("eu", "ap")},
        {"replicas": 2},
        {"hello": ("eu", "eu", "ap")},
        {"endpoints": {(OWN, 9898): 3}},
        {"endpoints": {(OWN, 9898): 3, ("203.0.113.1", 15443): 4, ("203.0.113.2", 15443): 0}},
        {"endpoints": {(OWN, 9898): 3, **GATEWAYS, ("10.2.0.9", 9898): 1}},
    ],
    ids=[
        "a member is missing",
        "a replica is missing",
        "a region has none",
        "no gateway",
        "a gateway unused",
        "direct",
    ],
)
def test_another_end_is_wrong(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(WrongEndError):
        check(shown(tmp_path, **wrong), half=False)


def test_the_regions_that_answer_are_those_whose_pods_do(tmp_path: Path) -> None:
    assert istio.answering(shown(tmp_path, answers=("eu", "ap"))) == {"eu", "ap"}
    assert istio.answering(shown(tmp_path, answers=("eu", "us", "ap"))) == set(REGIONS)


def test_what_runs_in_a_pod_gets_no_argument_of_kubectl(tmp_path: Path) -> None:
    class Typed(Terminal):
        def run(self, *command: str, stdin: str = "") -> str:
            return " ".join([*command, stdin])

    typed = Typed(layout=Layout("unused"), folder=tmp_path, charts=tmp_path)
    line = typed.kubectl("kubeconfig-us", "exec", "sleep-1", "--", "curl", "hello:5000")
    assert line.strip() == "kubectl --kubeconfig=kubeconfig-us exec sleep-1 -- curl hello:5000"
