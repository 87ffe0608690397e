"""Running Pulumi for others in the sandbox: an account of theirs, and a place to run in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.engine import LinodeCredentials, Mode, Project, Request, run
from sandbox.engine.project import CHECKOUT
from sandbox.engine.run import policy_flags
from tests.engine.conftest import OFFLINE

if TYPE_CHECKING:
    from sandbox.engine import Workspace

ACCOUNT = LinodeCredentials(name="the account of a sandbox", url="http://127.0.0.1:1", token="a token")


def test_a_token_is_never_shown_by_printing_its_account() -> None:
    request = Request(stack="dev", arguments=["preview"], account=ACCOUNT)
    assert ACCOUNT.token not in repr(ACCOUNT) + repr(request)


@pytest.fixture
def guarded(project: Project) -> Project:
    """The project with a policy pack of its own, whose environment is there."""
    pack = project.folder / "policies" / "rules"
    (pack / ".venv" / "bin").mkdir(parents=True)
    (pack / "PulumiPolicy.yaml").touch()
    (pack / ".venv" / "bin" / "python").touch()
    return project


@pytest.mark.parametrize("command", ["preview", "up"])
def test_a_projects_policies_are_asked_at_every_preview_and_update(guarded: Project, command: str) -> None:
    flag = f"--policy-pack={guarded.folder / 'policies' / 'rules'}"
    assert policy_flags(Request(stack="dev", arguments=[command, "--diff"]), guarded) == [flag]


@pytest.mark.parametrize("command", ["refresh", "destroy", "stack", "config"])
def test_no_other_command_asks_policies(guarded: Project, command: str) -> None:
    assert policy_flags(Request(stack="dev", arguments=[command]), guarded) == []


def test_a_user_who_names_policies_gets_those(guarded: Project) -> None:
    given = Request(stack="dev", arguments=["preview", "--policy-pack", "elsewhere"])
    assert policy_flags(given, guarded) == []
    assert policy_flags(Request(stack="dev", arguments=["up"], policy_packs=()), guarded) == []


def test_the_fleet_has_guardrails() -> None:
    assert Project().policy_packs == (CHECKOUT / "policies" / "guardrails",)


@pytest.mark.engine
def test_pulumi_runs_where_and_with_what_it_is_told(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    request = Request(
        stack="dev",
        arguments=["preview"],
        mode=Mode.OFFLINE,
        account=ACCOUNT,
        enter=["env", "LINODE_CONFIG_PROFILE=entered"],
    )
    program = workspace.project.folder / "__main__.py"
    program.write_text(program.read_text() + 'pulumi.export("via", os.environ["LINODE_CONFIG_PROFILE"])\n')
    assert run(request, workspace, say=said.append) == 0
    shown = capfd.readouterr().out
    assert 'api: "http://127.0.0.1:1"' in shown
    assert 'via: "entered"' in shown
    assert said == [f"stack dev: {OFFLINE}, the account of a sandbox"]
