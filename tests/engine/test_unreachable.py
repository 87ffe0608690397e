"""A preview of what is deployed, from where no cluster can be reached: a review's runner is in no ACL."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from operations.account.folder import link_program
from sandbox.charts.staging import stage as stage_charts
from sandbox.engine import LinodeCredentials, Mode, Project, Request, Workspace, run
from sandbox.engine.project import CHECKOUT
from sandbox.engine.workspace import PASSPHRASE_VARIABLES
from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs
from tests.unit import graph
from tests.unit.configs import fleet_of
from tests.unit.keys import pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pulumi.runtime.proto import resource_pb2

pytestmark = pytest.mark.engine

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
NOWHERE: Final = "https://127.0.0.1:1"
"""Where nobody listens: so every cluster answers a runner that no ACL names."""
PROVIDER_ID: Final = "8f5a6c1e-0000-4000-8000-000000000000"
ACL: Final = {"ipv4": ["203.0.113.0/24"]}


class Kept(graph.Recorder):
    """Keeps what each resource became, too."""

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - gRPC's name
        """Keep it by type and name."""
        answer = super().RegisterResource(request)
        MADE[request.type, request.name] = {
            "id": answer.id,
            "inputs": graph._plain(request.object),
            "outputs": graph._plain(answer.object),
        }
        return answer


MADE: Final[dict[tuple[str, str], dict[str, Any]]] = {}


def deployed(planned: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the state has after an update: what a first preview planned, with all that this left unknown."""
    resources: list[dict[str, Any]] = []
    references = {step["newState"].get("provider") for step in planned} - {None}
    for urn in sorted({ref.rpartition("::")[0] for ref in references if "::default" in ref}):
        # That of the engine's own resources has no version.
        version = urn.rpartition("::default")[2].removeprefix("_").replace("_", ".")
        inputs = {"version": version} if version else {}
        kind = urn.split("::")[2]
        resources.append(
            {"urn": urn, "custom": True, "id": PROVIDER_ID, "type": kind, "inputs": inputs, "outputs": inputs}
        )
    for step in planned:
        state = dict(step["newState"])
        name = state["urn"].rpartition("::")[2]
        made = MADE.get((state["type"], name), {"id": "", "inputs": {}, "outputs": {}})
        inputs = filled(state.get("inputs") or {}, made["inputs"])
        outputs = {**made["outputs"], **inputs}
        if state["type"] == "kubernetes:helm.sh/v3:Release":
            outputs["__inputs"] = {graph.SECRET_MARK: graph.SECRET, "value": inputs}
        elif state["type"].startswith("kubernetes:"):
            outputs |= {"__inputs": inputs, "__initialApiVersion": inputs.get("apiVersion", "v1")}
            outputs["metadata"] = {**made["outputs"].get("metadata", {}), **inputs.get("metadata", {})}
        if state["custom"]:
            state["id"] = PROVIDER_ID if state["type"].startswith("pulumi:providers:") else made["id"] or name
        if provider := state.get("provider"):
            state["provider"] = f"{provider.rpartition('::')[0]}::{PROVIDER_ID}"
        for key in ("sourcePosition", "stackTrace"):
            state.pop(key, None)
        resources.append(state | {"inputs": sealed(inputs), "outputs": sealed(outputs)})
    return resources


def filled(planned: Any, real: Any) -> Any:
    """What was planned, with what was unknown of it taken from what was really put in."""
    if planned == UNKNOWN:
        return real
    if isinstance(planned, dict) and isinstance(real, dict) and not graph.is_secret(real):
        return {key: filled(value, real.get(key)) for key, value in planned.items()}
    if isinstance(planned, list) and isinstance(real, list) and len(planned) == len(real):
        return [filled(one, other) for one, other in zip(planned, real, strict=True)]
    if planned == "[secret]" or graph.is_secret(planned):
        return real
    return planned


def sealed(value: Any) -> Any:
    """Secrets as a checkpoint has them, that is not encrypted."""
    if graph.is_secret(value):
        return {graph.SECRET_MARK: graph.SECRET, "plaintext": json.dumps(graph.unwrap(value))}
    if isinstance(value, dict):
        return {key: sealed(below) for key, below in value.items()}
    if isinstance(value, list):
        return [sealed(below) for below in value]
    return value


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[LinodeApi]:
    """An account in which the clusters are, and a program that has put everything into them once."""
    for name in (*PASSPHRASE_VARIABLES, "LINODE_TOKEN", "LINODE_URL", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    certificate, key = pair()
    authority = base64.b64encode(certificate.encode()).decode()
    body = {"name": "lke", "cluster": {"server": NOWHERE, "certificate-authority-data": authority}}
    user = {"name": "lke", "user": {"token": "the-token"}}
    context = {"name": "lke", "context": {"cluster": "lke", "user": "lke"}}
    config = {"clusters": [body], "users": [user], "contexts": [context], "current-context": "lke"}
    kubeconfig = base64.b64encode(yaml.safe_dump(config).encode()).decode()
    cluster = graph.ANSWERS["linode:index/lkeCluster:LkeCluster"]
    monkeypatch.setitem(
        graph.ANSWERS,
        "linode:index/lkeCluster:LkeCluster",
        lambda args: cluster(args) | {"kubeconfig": kubeconfig},
    )
    for kind in ("selfSignedCert:SelfSignedCert", "locallySignedCert:LocallySignedCert"):
        monkeypatch.setitem(graph.ANSWERS, f"tls:index/{kind}", lambda _: {"certPem": certificate})
    monkeypatch.setitem(graph.ANSWERS, "tls:index/privateKey:PrivateKey", lambda _: {"privateKeyPem": key})
    monkeypatch.setattr(graph, "Recorder", Kept)
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, kubernetes_versions=("1.34", "1.35"))) as api:
        yield api


def test_a_deployed_stack_behind_acls_is_previewed_where_no_cluster_can_be_reached(
    account: LinodeApi, tmp_path: Path
) -> None:
    stage_charts(tmp_path / "charts")
    charts = {name: str(tmp_path / "charts" / name) for name in ("karmada", "istio")}
    config = fleet_of(2, karmada={"endpoint": "loadBalancer", "acl": ACL}, charts=charts)
    for name in ("m0", "m1"):
        config["clusters"][name]["acl"] = ACL | {"peers": True}
    project = tmp_path / "checkout"
    project.mkdir()
    link_program(CHECKOUT, project)
    stack = {"config": {f"fleet:{name}": section for name, section in config.items()}}
    (project / "Pulumi.test.yaml").write_text(yaml.safe_dump(stack))
    log, workspace = tmp_path / "log", Workspace(project=Project(folder=project), folder=tmp_path / "state")

    def pulumi(*arguments: str) -> str:
        request = Request(
            stack="test",
            arguments=[*arguments, "--non-interactive", "--color=never"],
            mode=Mode.OFFLINE,
            account=LinodeCredentials(name="an emulated account", url=account.url, token=account.token),
            policy_packs=(),
            log=log,
        )
        status = run(request, workspace, say=lambda _: None)
        assert status == 0, log.read_text()[-6000:]
        return log.read_text()

    planned = json.loads(pulumi("preview", "--json"))["steps"]
    graph.build(config)
    exported = json.loads(pulumi("stack", "export"))
    exported["deployment"]["resources"] = deployed(planned)
    (tmp_path / "state.json").write_text(json.dumps(exported))
    pulumi("stack", "import", "--file", str(tmp_path / "state.json"))

    previewed = json.loads(pulumi("preview", "--json"))
    inside = [step for step in previewed["steps"] if step["urn"].split("$")[-1].startswith("kubernetes:")]
    assert inside, "nothing was compared"
    assert {step["op"] for step in inside} <= {"same", "update"}, "nothing is made anew, and nothing is read"
    assert not [one for one in previewed.get("diagnostics", []) if one["severity"] == "error"]
