"""How pods are entered and where secrets are looked for, without a fleet."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from operations.workloads import Call, table
from sandbox.clusters.host.layout import Layout
from sandbox.verify import calls, mesh, pods, secrets
from sandbox.verify.member import Member, Operator, View

UID = "19a30876-acce-4a16-8f74-14f66286f352"
CALL = Call(caller="front", caller_namespace="web", called="shop", namespace="shop", port=80)


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with one pod's process, and one that ends while it is looked at."""
    for pid, groups in ((7, "0::/init"), (8, f"4:memory:/fleet/a/kubepods/burstable/pod{UID}/0c13\n0::/x")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(groups)
    (tmp_path / "9").mkdir()
    monkeypatch.setattr(pods, "PROCESSES", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("processes")
def test_a_pod_is_entered_by_the_process_that_has_its_uid() -> None:
    pod = {"metadata": {"uid": UID}}
    assert pods.in_network(pod, ["true"]) == ["nsenter", "--target=8", "--net", "--", "true"]
    with pytest.raises(LookupError, match="no process is of the pod 1"):
        pods.process_of("1")


class Shown(View):
    """An API server that shows what it is told to."""

    def kubectl(self, *arguments: str, stdin: str = "", timeout_seconds: float = 60.0) -> str:
        return shown(self.name, arguments)


class Asked(Member):
    """A member whose objects are what it is told to."""

    def kubectl(self, *arguments: str, stdin: str = "", timeout_seconds: float = 60.0) -> str:
        return shown(self.name, arguments)


class Karmada(Operator):
    """Karmada, likewise."""

    def kubectl(self, *arguments: str, stdin: str = "", timeout_seconds: float = 60.0) -> str:
        return shown("karmada", arguments)


TEXTS: dict[tuple[str, str], str] = {}
POD = {
    "metadata": {"name": "front-1", "uid": UID},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


def shown(name: str, arguments: tuple[str, ...]) -> str:
    if arguments[1] == "pods":
        return json.dumps({"items": [POD]})
    if arguments[1] == "service":
        return json.dumps({"spec": {"clusterIP": "10.128.0.9"}})
    return json.dumps({"items": [TEXTS.get((name, arguments[0]), "")]})


def member(name: str) -> Member:
    view = Shown(name=name, kubeconfig=Path("/none"), layout=Layout("none"))
    return Asked(name=name, region="r", kubeconfig=Path("/none"), layout=Layout("none"), view=view)


KARMADA = Karmada(kubeconfig=Path("/none"), layout=Layout("none"), view=member("karmada").view)
SHOP = table({"shop": {"image": "x", "secretEnv": {"A": {"secret": "shop"}}}, "plain": {"image": "x"}})


@pytest.mark.parametrize(
    ("place", "text", "evidence"),
    [
        (None, "", "3 API servers and the logs looked through"),
        (("karmada", "get"), "hunter2", "read in Karmada"),
        (("us", "get"), base64.b64encode(b"hunter2").decode(), "read in us"),
        (("eu", "logs"), "password=hunter2", "read in logs in eu"),
    ],
)
def test_a_secret_is_looked_for_in_objects_and_logs(
    place: tuple[str, str] | None, text: str, evidence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place:
        monkeypatch.setitem(TEXTS, place, text)
    [claim] = secrets.claims(KARMADA, [member("eu"), member("us")], SHOP, {"shop": "hunter2"})
    assert (claim.holds, claim.evidence) == (place is None, evidence)


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(("said", "holds"), [("RBAC: access denied STATUS=403", True), ("hello STATUS=200", False)])
def test_who_may_not_call_is_seen_refused_from_its_own_pod(
    said: str, holds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Any] = []

    def run(*line: str, timeout_seconds: float) -> str:
        lines.append(line)
        return said

    monkeypatch.setattr(calls, "run", run)
    claim = mesh.not_let_in(member("eu"), CALL)
    assert (claim.holds, claim.text) == (holds, "shop refuses front of eu")
    [(*enter, script)] = lines
    assert enter == ["nsenter", "--target=8", "--net", "--", "sh", "-c"]
    assert "--resolve shop.shop:80:10.128.0.9 http://shop.shop:80/" in script
