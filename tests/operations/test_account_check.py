"""What a check does in which order, whatever happens: limits, interruptions, faults, and that nothing stays unsaid."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from operations.account import folder as folders
from operations.account.check import Limits
from operations.account.commands import app
from operations.account.limits import ended_as_by_the_keyboard
from operations.errors import OperationError
from operations.stages import StoppedError
from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs
from tests.operations.account import LIMITS, Trial, fails, fleet, interrupted, member, sleeps, trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WHOLE = ["preview", "up", "up", "up", "destroy"]


@pytest.fixture
def api() -> Iterator[LinodeApi]:
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED)) as running:
        yield running


@pytest.fixture
def tried(api: LinodeApi, tmp_path: Path) -> Iterator[Trial]:
    with trial(api, tmp_path) as found:
        yield found


def broken() -> None:
    """As a fault of our own comes."""
    raise LookupError("dictionary key lost")


def left(tried: Trial) -> int:
    client = tried.check.client
    return len(list(client.lke.clusters())) + len(list(client.nodebalancers()))


def test_a_check_that_goes_well_leaves_nothing_in_the_account_and_no_folder(tried: Trial) -> None:
    assert tried.run()
    assert tried.stack.played == WHOLE
    assert left(tried) == 0
    assert not tried.check.folder.path.exists()
    assert tried.stack.config["fleet:workloads.hello.replicas"] == "3", "one more than the two that there are"
    assert "all is well, and nothing is left" in tried.said
    assert "[1/4] up: done in " in tried.said
    assert "ok    sleep in eu is answered by hello of eu-west and us-west: 14 of 30 by eu-west" in tried.said


# Two nodes at 0.036 USD an hour, of which those count that have begun, with half an hour for taking away.
@pytest.mark.parametrize(("dollars", "minutes", "most"), [("0.14", 60, "0.15"), ("0.21", 91, "0.22")])
def test_what_may_cost_more_than_the_limit_is_refused_before_anything_is_made(
    tried: Trial, dollars: str, minutes: float, most: str
) -> None:
    with pytest.raises(OperationError, match=rf"too dear: it may cost {most} USD, and the limit is {dollars}"):
        tried.agreed(Limits(dollars=Decimal(dollars), minutes=minutes))
    assert tried.stack.played == ["preview"]
    assert left(tried) == 0


@pytest.mark.parametrize(("dollars", "minutes"), [("0.15", 90), ("0.08", 30)])
def test_what_costs_as_much_as_the_limit_is_not(tried: Trial, dollars: str, minutes: float) -> None:
    assert tried.agreed(Limits(dollars=Decimal(dollars), minutes=minutes))


def test_when_the_time_is_over_everything_goes_away(tried: Trial) -> None:
    tried.stack.instead["up"] = sleeps
    assert not tried.run(minutes=0.005)
    assert tried.stack.played == ["preview", "up", "destroy"]
    assert left(tried) == 0
    assert "- it took longer than 0.3 s" in tried.said
    assert tried.check.folder.path.exists(), "what was wrong can be looked into"


@pytest.mark.parametrize(
    ("happens", "sentence"),
    [
        (interrupted, r"- stopped in \[1/4\] up after \d+\.\d s; what there is goes away now"),
        (fails, r"- `pulumi up` failed: quota exceeded\. All of it is in the log\."),
        (broken, "- dictionary key lost"),
    ],
    ids=["interrupted", "failed", "a fault of our own"],
)
def test_whatever_breaks_off_an_up_what_was_made_is_destroyed(
    tried: Trial, happens: Callable[[], None], sentence: str
) -> None:
    tried.stack.instead["up"] = happens
    assert not tried.run()
    assert tried.stack.played == ["preview", "up", "destroy"]
    assert left(tried) == 0
    assert re.search(sentence, tried.said)


def test_whoever_interrupts_the_destruction_reads_how_to_go_on_and_does(api: LinodeApi, tmp_path: Path) -> None:
    with trial(api, tmp_path) as first:
        first.stack.instead["destroy"] = interrupted
        with pytest.raises(StoppedError) as stopped:
            first.run()
        resume = f"`python -m operations account check --resume {first.check.folder.path}` goes on"
        assert str(stopped.value).endswith(resume)
        assert left(first) == 2
        # Another process finds all in the folder.
        again = replace(first.check, folder=folders.opened(first.check.folder.path), wrong=[])
        assert again.folder.noted.clusters, "what LKE made could not be known by the cluster's tag alone"
        first.stack.instead.clear()
        assert again.clear()
        assert left(first) == 0
        assert not again.folder.path.exists()


def test_what_is_left_is_told_with_what_removes_it_and_the_check_has_failed(tried: Trial) -> None:
    def keep_the_balancer() -> None:
        tried.stack.kept = [tried.stack.made[1]]

    tried.stack.instead["destroy"] = keep_the_balancer
    assert not tried.run()
    [balancer] = tried.check.client.nodebalancers()
    assert f"- left: NodeBalancer ccm-1; remove it: linode-cli nodebalancers delete {balancer.id}" in tried.said
    assert f"{tried.check.folder.path} is kept" in tried.said


def test_a_destruction_that_fails_is_told_and_what_is_there_is_listed(tried: Trial) -> None:
    tried.stack.instead["destroy"] = fails
    assert not tried.run()
    assert "- `pulumi up` failed: quota exceeded" in tried.said
    for kind in ("LKE cluster eu-x1y2", "Linode lke", "NodeBalancer ccm-1"):
        assert f"- left: {kind}" in tried.said


@pytest.mark.parametrize(
    ("place", "changes", "sentence"),
    [
        (1, {"same": 8, "update": 1}, "a second up changed what nobody had touched: 1 update"),
        (2, {"same": 8, "replace": 1, "update": 1}, "the update replaced or deleted: 1 replace"),
        (2, {"same": 8, "delete": 2, "update": 1}, "the update replaced or deleted: 2 delete"),
        (2, {"same": 9}, "the update changed nothing"),
    ],
)
def test_what_an_up_changes_that_it_should_not_is_wrong(
    tried: Trial, place: int, changes: dict[str, int], sentence: str
) -> None:
    tried.stack.changes[place] = changes
    assert not tried.run()
    assert f"- {sentence}" in tried.said
    assert tried.stack.played == WHOLE, "one fault does not hide the next"


def test_a_claim_that_does_not_hold_is_wrong_and_the_rest_goes_on(api: LinodeApi, tmp_path: Path) -> None:
    alone = {"eu-west": 30}
    seen = replace(fleet(), members=tuple(member(name, answered_by=alone) for name in ("eu", "us")))
    with trial(api, tmp_path, seen) as tried:
        assert not tried.run()
        assert "- sleep in eu is answered by hello of eu-west and us-west: 30 of 30 by eu-west" in tried.said
        assert tried.stack.played == WHOLE


def test_ending_the_process_is_an_interruption_too() -> None:
    def ended() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        sleeps()

    with pytest.raises(KeyboardInterrupt), ended_as_by_the_keyboard():
        ended()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_without_a_token_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINODE_TOKEN", raising=False)
    refused = CliRunner().invoke(app, ["check", "--yes"])
    assert isinstance(refused.exception, OperationError)
    assert "read and write access to Kubernetes" in str(refused.exception)


def test_without_pulumi_nothing_begins_and_no_folder_stays(
    api: LinodeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LINODE_TOKEN": api.token, "LINODE_URL": api.url, "XDG_STATE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = CliRunner().invoke(app, ["check", "--yes"])
    assert str(refused.exception).startswith("pulumi cannot be used: it is not on the PATH")
    assert list((tmp_path / "fleet" / "checks").iterdir()) == []


def test_the_limits_of_the_command_are_those_of_the_documentation() -> None:
    help_text = CliRunner().invoke(app, ["check", "--help"], env={"COLUMNS": "200"}).output
    assert "[default: 1]" in help_text
    assert f"[default: {LIMITS.minutes:g}]" in help_text
