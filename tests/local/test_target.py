"""Where the state of the fleet's stack is, and what its config is told of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.clients import NotUpError
from sandbox.clusters.host.layout import Layout
from sandbox.engine import Project, documents
from sandbox.engine.project import CHECKOUT
from sandbox.local.target import STACK, Target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path))
    return Target(layout=Layout("other"))


def test_the_stacks_state_goes_with_its_sandbox(target: Target) -> None:
    assert target.workspace.folder.is_relative_to(target.layout.root), "it speaks of clusters that go with the sandbox"


def test_the_charts_are_those_of_this_sandbox_and_the_rest_is_as_it_is_checked_in(target: Target) -> None:
    target.workspace.prepare(STACK)
    used = documents.content(target.workspace.config_file(STACK).read_text())["config"]
    checked_in = Project(folder=CHECKOUT).stack_settings(STACK)["config"]
    assert used.pop("fleet:charts") == {name: str(target.layout.charts / name) for name in ("karmada", "istio")}
    assert checked_in.pop("fleet:charts").keys() == {"karmada", "istio"}
    assert used == checked_in


def test_pulumi_runs_in_the_sandboxs_network_with_its_account(target: Target) -> None:
    target.layout.root.mkdir()
    target.layout.token.write_text("a token")
    request = target.request(["up"])
    assert "--net=/run/netns/fleet-other-wan" in request.enter
    assert request.account is not None
    assert request.account.token == "a token"
    assert "a token" not in repr(request)


def test_without_a_sandbox_a_command_is_refused_in_a_sentence(target: Target) -> None:
    with pytest.raises(NotUpError, match=r"The sandbox other is not up: .*\. Run `make up` first"):
        target.request(["stack", "output"])
