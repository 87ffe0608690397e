"""State in a bucket, by the real engine: what an update leaves there, who may write, and what comes back.

docs/state.md has the table of what was tried; each line of it is a test here or in test_state_faults_engine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from operations.state import bucket
from tests.operations.backend import (
    BUCKET,
    CHECKPOINT,
    LOCKS,
    Held,
    access,
    eventually,
    identities,
    names,
    stack_in,
    versions,
)
from tests.plugins.engine import CommandFailedError, Stack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.operations.s3 import FaultyS3

pytestmark = pytest.mark.engine

ONE = 'import pulumi_random as random; random.RandomId("first", byte_length=4)'
TWO = f'{ONE}; random.RandomId("second", byte_length=4)'


@pytest.fixture
def stack(s3: FaultyS3, tmp_path: Path, plugin_home: Path) -> Stack:
    """A fresh stack in a bucket that `state bootstrap` has set up."""
    s3.client.create_bucket(Bucket=BUCKET)
    bucket.configure(access(s3), keep_days=30)
    return stack_in(s3, tmp_path, plugin_home)


def test_every_update_stays_in_the_history_and_every_checkpoint_in_the_versions(stack: Stack, s3: FaultyS3) -> None:
    stack.program(ONE)
    stack.up()
    assert stack.preview().operations == {"first": ["same"]}
    stack.program(TWO)
    assert stack.up().operations == {"first": ["same"], "second": ["create"]}
    history = json.loads(stack.command("stack", "history", "--json"))
    assert [entry["resourceChanges"] for entry in history] == [{"create": 1, "same": 2}, {"create": 2}]
    kept = versions(s3, CHECKPOINT)
    assert len(kept) > len(history), "each step of an update is a version of its own"
    oldest = s3.client.get_object(Bucket=BUCKET, Key=CHECKPOINT, VersionId=kept[-1]["VersionId"])
    assert json.load(oldest["Body"])["checkpoint"]["stack"] == "organization/test/test"


def test_an_export_can_be_imported_again(stack: Stack, tmp_path: Path) -> None:
    stack.program(ONE)
    stack.up()
    exported, before = tmp_path / "export.json", identities(stack)
    stack.command("stack", "export", "--file", str(exported))
    stack.program(TWO)
    stack.up()
    stack.command("stack", "import", "--file", str(exported))
    assert identities(stack) == before


def test_a_checkpoint_that_someone_deleted_comes_back_by_its_version(stack: Stack, s3: FaultyS3) -> None:
    stack.program(ONE)
    stack.up()
    before = identities(stack)
    marker = s3.client.delete_object(Bucket=BUCKET, Key=CHECKPOINT)["VersionId"]
    with pytest.raises(CommandFailedError, match="no stack selected"):
        stack.command("stack", "export")
    s3.client.delete_object(Bucket=BUCKET, Key=CHECKPOINT, VersionId=marker)
    assert identities(stack) == before
    assert stack.up().operations == {"first": ["same"]}


def test_a_second_update_is_refused_while_one_runs(stack: Stack, s3: FaultyS3, tmp_path: Path) -> None:
    held = Held(tmp_path)
    stack.program(held.source)
    first = stack.start("up", "--skip-preview")
    held.wait()
    with pytest.raises(CommandFailedError, match="the stack is currently locked by 1 lock"):
        stack.command("up", "--yes", "--skip-preview", "--non-interactive")
    held.let_go()
    assert first.result().status == 0, "the refused update must not disturb the one that runs"
    assert names(s3, LOCKS) == []


def test_a_killed_update_leaves_its_lock_and_what_it_made(stack: Stack, s3: FaultyS3, tmp_path: Path) -> None:
    held = Held(tmp_path)
    stack.program(held.source)
    killed = stack.start("up", "--skip-preview")
    held.wait()
    eventually(lambda: "first" in identities(stack), "the first resource is in the state")
    made = identities(stack)["first"]
    killed.kill()
    killed.result()
    held.let_go()
    assert len(names(s3, LOCKS)) == 1
    with pytest.raises(CommandFailedError, match="currently locked"):
        stack.up()
    stack.command("cancel", "--yes")
    assert stack.up().operations == {"first": ["same"], "second": ["create"]}
    assert identities(stack)["first"] == made


def test_an_interrupted_update_gives_its_lock_back(stack: Stack, s3: FaultyS3, tmp_path: Path) -> None:
    held = Held(tmp_path)
    stack.program(held.source)
    interrupted = stack.start("up", "--skip-preview")
    held.wait()
    interrupted.interrupt()
    held.let_go()
    assert interrupted.result().status != 0
    assert names(s3, LOCKS) == []
    assert stack.up().operations == {"first": ["same"], "second": ["create"]}
