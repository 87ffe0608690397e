"""`python -m sandbox pulumi` with the real engine, as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.engine.project import CHECKOUT
from tests.engine.conftest import OFFLINE, STACK_CONFIG
from tests.engine.test_workspace import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.engine import Workspace

pytestmark = pytest.mark.engine

WAIT_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class User:
    """Someone at a shell, with a checkout and a state folder."""

    workspace: Workspace

    @property
    def checkout(self) -> Path:
        return self.workspace.project.folder

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `python -m sandbox pulumi -- ARGUMENTS`."""
        place = ["--project", str(self.checkout), "--state", str(self.workspace.folder), "--plugins", "offline"]
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox", "pulumi", *place, "--", *arguments],
            cwd=CHECKOUT,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def pulumi(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        with self.start(*arguments, **variables) as process:
            stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.fixture
def user(workspace: Workspace) -> Iterator[User]:
    yield User(workspace=workspace)
    assert list(descendants_in(workspace.folder)) == [], "a process outlived its command"


def descendants_in(folder: Path) -> Iterator[psutil.Process]:
    """Processes that were started from a plugin or the state in a folder."""
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in argument for argument in process.info["cmdline"] or ()):
            yield process


def test_a_preview_shows_pulumis_summary_and_nothing_of_ours_but_one_line(user: User) -> None:
    shown = user.pulumi("preview")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "+ 2 to create" in shown.stdout
    assert shown.stderr == f"stack dev: {OFFLINE}, an emulated Linode account\n"
    assert "warning" not in shown.stdout.lower()


def test_the_checkout_is_not_touched(user: User) -> None:
    before = tree(user.checkout)
    for arguments in (["preview"], ["up", "--yes"], ["stack", "output"], ["destroy", "--yes"], ["stack", "ls"]):
        finished = user.pulumi(*arguments)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    after = {file: digest for file, digest in tree(user.checkout).items() if "__pycache__" not in file}
    assert after == before
    assert (user.checkout / "Pulumi.dev.yaml").read_text() == STACK_CONFIG


def test_state_lives_on_between_commands(user: User) -> None:
    assert user.pulumi("up", "--yes").returncode == 0
    assert user.pulumi("preview", "--expect-no-changes").returncode == 0
    assert "world" in user.pulumi("stack", "output", "who").stdout


def test_two_first_commands_at_once_both_find_their_stack(user: User) -> None:
    commands = [user.start("preview"), user.start("preview")]
    for command in commands:
        stdout, stderr = command.communicate(timeout=WAIT_SECONDS)
        assert command.returncode == 0, stdout + stderr
    assert "encryptionsalt" in user.workspace.config_file("dev").read_text()


def test_the_program_meets_an_emulated_account_on_the_loopback(user: User) -> None:
    assert 'api: "http://127.0.0.1:' in user.pulumi("preview").stdout


def test_a_user_with_an_account_keeps_it(user: User) -> None:
    shown = user.pulumi("preview", LINODE_TOKEN="theirs", LINODE_URL="http://127.0.0.1:1")
    assert 'api: "http://127.0.0.1:1"' in shown.stdout
    assert "the Linode account of LINODE_TOKEN and LINODE_URL" in shown.stderr
    assert "theirs" not in shown.stdout + shown.stderr


def test_the_exit_code_is_pulumis(user: User) -> None:
    (user.checkout / "__main__.py").write_text("raise ValueError('the program is wrong')\n")
    failed = user.pulumi("preview")
    assert failed.returncode == 1
    assert "the program is wrong" in failed.stdout
    assert "sandbox/" not in failed.stdout + failed.stderr, "the traceback is of the user's program alone"


def test_an_exit_code_that_only_pulumi_knows_comes_through(user: User) -> None:
    assert user.pulumi("preview", "--expect-no-changes").returncode == 7


def test_an_unknown_stack_is_refused_in_a_sentence(user: User) -> None:
    (user.checkout / "Pulumi.dev.yaml").unlink()
    refused = user.pulumi("preview")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: There is no stack called dev")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_pulumi_once_and_it_clears_up(user: User, number: signal.Signals) -> None:
    marker = user.checkout / "running"
    (user.checkout / "__main__.py").write_text(
        f"import pathlib, time\npathlib.Path({str(marker)!r}).touch()\ntime.sleep({WAIT_SECONDS})\n"
    )
    with user.start("preview") as process:
        end = time.monotonic() + WAIT_SECONDS
        while not marker.exists() and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode != 0
    assert "Traceback" not in stdout + stderr
    marker.unlink()
    (user.checkout / "__main__.py").write_text("import pulumi\n")
    after = user.pulumi("preview")
    assert after.returncode == 0, "the stack was left locked:\n" + after.stdout + after.stderr
