"""`make account-check` from its price to the search for what is left, on the emulated account whose clusters are real.

`make endurance ONLY=test_account_check.py` runs it; docs/account-check.md shows what it says on a real account.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from operations.account.folder import OWN_CONFIG
from sandbox.clusters.clients import client_environment
from sandbox.clusters.host.subprocesses import inside
from sandbox.engine.plugins import Mode, choose
from sandbox.engine.project import CHECKOUT
from sandbox.plugins import install
from sandbox.toolchain import tool_path
from tests.e2e.stack import checked_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout
    from tests.e2e.clients import AccountClient

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

# Of a slow machine that has other work.
WHOLE_SECONDS = 3600.0
OWN_SECTIONS = ("clusters", "traffic")
"""What the check's own config says in place of the sandbox's: which clusters, and how calls travel."""


@dataclass(frozen=True, kw_only=True)
class User:
    """Who has a token of the sandbox's account, and Pulumi with its plugins, where the clusters are."""

    layout: Layout
    folder: Path
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    @property
    def checks(self) -> list[Path]:
        """The folders of checks that were kept."""
        return sorted((self.folder / "fleet" / "checks").glob("*"))

    @property
    def said(self) -> Path:
        """All that the commands have said."""
        return self.folder / "said.log"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The check, running."""
        pulumi = tool_path("pulumi")
        # Inside the sandbox no download site can be reached.
        choice = choose(Mode.AUTO, pulumi=pulumi, reachable=lambda: False)
        home = self.folder / "pulumi-home"
        if choice.given:
            install(home, choice.given)
        mine = client_environment(self.layout)
        folders = [str(pulumi.parent), str(tool_path("kubectl").parent), mine["PATH"]]
        environment = {
            **mine,
            **choice.environment,
            "PATH": os.pathsep.join(folders),
            **({"PULUMI_HOME": str(home)} if choice.given else {}),
            "XDG_STATE_HOME": str(self.folder),
        }
        line = inside(self.layout.wan, [sys.executable, "-m", "operations", "account", "check", *arguments])
        with self.said.open("ab") as log:
            check = subprocess.Popen(line, cwd=CHECKOUT, env=environment, stdout=log, stderr=log)
        self._started.append(check)
        return check

    def end(self) -> None:
        """End what a test that failed has left."""
        for check in self._started:
            check.kill()
            check.wait()

    def config(self) -> Path:
        """The check's own config with what the sandbox needs: its charts, its images, and small requests."""
        own = {key.removeprefix("fleet:"): value for key, value in _sections(OWN_CONFIG).items()}
        sections = {name: own[name] if name in OWN_SECTIONS else value for name, value in checked_in().items()}
        sections |= {name: own[name] for name in OWN_SECTIONS}
        # What is stored in a bucket stays when the check is over.
        sections["karmada"] = {key: value for key, value in sections["karmada"].items() if key != "backup"}
        charts = {project: str(self.layout.charts / project) for project in ("karmada", "istio")}
        # The images are those that the sandbox has.
        workloads = {name: entry | sections["workloads"][name] for name, entry in own["workloads"].items()}
        sections |= {"charts": charts, "workloads": workloads}
        file = self.folder / "Pulumi.check-here.yaml"
        file.write_text(yaml.safe_dump({"config": {f"fleet:{name}": value for name, value in sections.items()}}))
        return file


def _sections(config: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(config.read_text())["config"]
    return found


@pytest.fixture
def user(layout: Layout, tmp_path: Path) -> Iterator[User]:
    user = User(layout=layout, folder=tmp_path)
    yield user
    user.end()


def ended(check: subprocess.Popen[bytes]) -> int:
    """Its exit code; one that takes too long is interrupted, so that it takes away what it made."""
    try:
        return check.wait(timeout=WHOLE_SECONDS)
    except subprocess.TimeoutExpired:
        check.send_signal(signal.SIGINT)
        return check.wait(timeout=WHOLE_SECONDS)


def test_a_check_brings_a_fleet_up_changes_it_and_leaves_nothing(
    user: User, account: AccountClient, say: Callable[[str], None]
) -> None:
    code = ended(user.start("--config", str(user.config()), "--yes", "--max-cost=1", "--max-minutes=60"))
    said = user.said.read_text()
    say(said)
    assert code == 0, said
    assert "all is well, and nothing is left" in said
    assert "0.1695 USD an hour" in said, "the price is that of the check's own config"
    assert account.left() == {}
    assert user.checks == []


def test_an_interrupted_check_destroys_and_the_same_folder_takes_the_rest_away(
    user: User, account: AccountClient, say: Callable[[str], None]
) -> None:
    check = user.start("--config", str(user.config()), "--yes")
    _wait(lambda: bool(account.left().get("lke/clusters")), check)
    check.send_signal(signal.SIGINT)
    code = ended(check)
    said = user.said.read_text()
    say(said)
    assert code == 1, said
    assert "stopped in [1/4] up" in said
    assert account.left() == {}, "what was made before the interruption costs money"
    [kept] = user.checks
    assert ended(user.start("--resume", str(kept))) == 0, user.said.read_text()
    assert user.checks == []


def test_whoever_interrupts_the_destruction_too_goes_on_with_the_folder(
    user: User, account: AccountClient, say: Callable[[str], None]
) -> None:
    check = user.start("--config", str(user.config()), "--yes")
    _wait(lambda: bool(account.left().get("lke/clusters")), check)
    check.send_signal(signal.SIGINT)
    _wait(lambda: "[1/2] destroy" in user.said.read_text(), check)
    check.send_signal(signal.SIGINT)
    said = user.said.read_text
    assert ended(check) == 130, said()
    [kept] = user.checks
    assert f"--resume {kept}` goes on" in said()
    assert ended(user.start("--resume", str(kept))) == 0, said()
    say(said())
    assert account.left() == {}


def _wait(claim: Callable[[], bool], check: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WHOLE_SECONDS
    while not claim():
        assert check.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.5)
