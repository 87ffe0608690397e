"""Running Pulumi for others in the sandbox: an account of theirs, and a place to run in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.engine import Account, Mode, Request, run

if TYPE_CHECKING:
    from sandbox.engine import Workspace

ACCOUNT = Account(name="the account of a sandbox", url="http://127.0.0.1:1", token="a token")


def test_a_token_is_never_shown_by_printing_its_account() -> None:
    request = Request(stack="dev", arguments=["preview"], account=ACCOUNT)
    assert ACCOUNT.token not in repr(ACCOUNT) + repr(request)


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
    assert said == ["stack dev: stand-in plugins (asked for), the account of a sandbox"]
