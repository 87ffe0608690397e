"""The guardrails as the real engine asks them: they refuse, they let pass, and they read what is deployed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sandbox.engine import LinodeCredentials, Mode, Project, Request, Workspace, run
from sandbox.engine.project import CHECKOUT
from sandbox.engine.run import EngineError
from sandbox.engine.workspace import PASSPHRASE_VARIABLES
from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

PACK = CHECKOUT / "policies" / "guardrails"
PROGRAM = """
import pulumi
import pulumi_linode as linode

for name, spec in pulumi.Config().require_object("clusters").items():
    linode.LkeCluster(
        f"{name}-cluster",
        label=name,
        region="us-east",
        k8s_version=spec["version"],
        pools=[linode.LkeClusterPoolArgs(label="main", type="g6-standard-2", count=spec["count"])],
        control_plane=linode.LkeClusterControlPlaneArgs(
            high_availability=True,
            acl=linode.LkeClusterControlPlaneAclArgs(
                enabled=True,
                addresses=[linode.LkeClusterControlPlaneAclAddressArgs(ipv4s=[spec.get("acl", "203.0.113.0/24")])],
            ),
        ),
        tags=["owner:platform", "environment:prod"],
    )
"""
"""Clusters as the fleet makes them, without what runs on them: that would need real ones."""


@dataclass(kw_only=True)
class Stack:
    """A stack called prod of a project called fleet, on an emulated account."""

    folder: Path
    account: LinodeApi
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    limit: int = 500
    shown: str = ""
    """What the last command printed."""

    def pulumi(self, *arguments: str, packs: tuple[Path, ...] = (PACK,)) -> int:
        """Run a command with the config as it is now. Returns its exit code."""
        project = self.folder / "checkout"
        project.mkdir(exist_ok=True)
        runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
        (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "fleet", "runtime": runtime}))
        config = {
            "fleet:clusters": self.clusters,
            "fleet:acknowledged": self.acknowledged,
            "fleet:guardrails": {"monthlyLimit": self.limit},
        }
        (project / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": config}))
        (project / "__main__.py").write_text(PROGRAM)
        log = self.folder / "log"
        request = Request(
            stack="prod",
            arguments=[*arguments, "--non-interactive", "--color=never"],
            mode=Mode.OFFLINE,
            account=LinodeCredentials(name="an emulated account", url=self.account.url, token=self.account.token),
            policy_packs=packs,
            log=log,
        )
        workspace = Workspace(project=Project(folder=project), folder=self.folder / "state")
        status = run(request, workspace, say=lambda _: None)
        self.shown = log.read_text()
        return status


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in (*PASSPHRASE_VARIABLES, "LINODE_TOKEN", "LINODE_URL", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, kubernetes_versions=("1.34", "1.35"))) as account:
        yield Stack(folder=tmp_path, account=account)


def test_what_breaks_a_guardrail_is_refused_before_anything_is_made(stack: Stack) -> None:
    stack.clusters = {"us": {"version": "1.34", "count": 1, "acl": "0.0.0.0/0"}}
    assert stack.pulumi("preview") != 0
    for said in (
        "[mandatory]  control-plane-acl  (linode:index:LkeCluster: us-cluster)",
        "cluster us: its ACL lets in 0.0.0.0/0, which is much of the internet. Set fleet:clusters.us.acl",
        "[mandatory]  node-loss  (linode:index:LkeCluster: us-cluster)",
        "Set fleet:clusters.us.pools.main.count to 2 or more",
    ):
        assert said in stack.shown
    assert stack.pulumi("up", "--yes", "--skip-preview") != 0
    assert "[mandatory]  control-plane-acl" in stack.shown
    assert _clusters(stack) == {}


def test_what_costs_too_much_is_refused_in_the_preview(stack: Stack) -> None:
    stack.clusters = {"us": {"version": "1.34", "count": 2}}
    stack.limit = 100
    assert stack.pulumi("up", "--yes") != 0, "`pulumi up` previews first"
    assert "stack: it may cost $108.00 a month, and $100.00 is the limit (us $108.00)" in stack.shown
    assert _clusters(stack) == {}


def test_what_an_update_loses_has_to_be_acknowledged(stack: Stack) -> None:
    stack.clusters = {"us": {"version": "1.34", "count": 2}, "jp": {"version": "1.34", "count": 2}}
    assert stack.pulumi("up", "--yes") == 0, stack.shown
    assert "✅ fleet-guardrails@v0.1.0" in stack.shown

    stack.clusters = {"us": {"version": "1.35", "count": 2}}
    assert stack.pulumi("preview") != 0
    assert "the update: cluster jp is deleted, with its nodes, volumes and addresses" in stack.shown
    assert 'list "delete jp" in fleet:acknowledged' in stack.shown
    assert 'list "recycle us" in fleet:acknowledged' in stack.shown

    stack.acknowledged = ["delete jp"]
    assert stack.pulumi("up", "--yes", "--skip-preview") != 0
    assert 'list "delete jp"' not in stack.shown
    assert 'list "recycle us" in fleet:acknowledged' in stack.shown
    assert _clusters(stack) == {"us": "1.34", "jp": "1.34"}, "it is refused before anything is done"

    stack.acknowledged = ["delete jp", "recycle us"]
    assert stack.pulumi("up", "--yes", "--skip-preview") == 0, stack.shown
    assert _clusters(stack) == {"us": "1.35"}


def test_a_pack_without_its_environment_says_what_to_do(stack: Stack, tmp_path: Path) -> None:
    stack.clusters = {"us": {"version": "1.34", "count": 2}}
    with pytest.raises(EngineError, match="Run `make setup`"):
        stack.pulumi("preview", packs=(tmp_path,))


def _clusters(stack: Stack) -> dict[str, str]:
    """The account's clusters with their versions."""
    from linode_api4 import LinodeClient

    client = LinodeClient(stack.account.token, base_url=f"{stack.account.url}/v4")
    return {cluster.label: cluster.k8s_version.id for cluster in client.lke.clusters()}
