"""Which stacks need to be recovered: by their locks, and by what was being created."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.engine import Mode, Request, ask, run
from sandbox.engine.locks import Lock, needs_recovery
from sandbox.engine.recovery import recover

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.engine import Workspace


def ended_process() -> int:
    """The id of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def lock(workspace: Workspace, **content: object) -> Path:
    """A lock on stack dev, as the engine writes it."""
    file = workspace.folder / "backend" / ".pulumi" / "locks" / "organization" / "little" / "dev" / "1.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content | {"username": "root", "timestamp": "2026-01-01T00:00:00Z"}))
    return file


def state(workspace: Workspace, *, pending: list[str] | None) -> None:
    """The state of stack dev, as the engine writes it, with some operations that did not come to an end."""
    file = workspace.folder / "backend" / ".pulumi" / "stacks" / "little" / "dev.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    operations = {} if pending is None else {"pending_operations": [{"type": kind} for kind in pending]}
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [], **operations}}}))


def test_a_lock_of_a_process_that_is_gone_is_abandoned() -> None:
    assert Lock(pid=ended_process(), hostname=platform.node()).abandoned


def test_a_lock_whose_number_another_program_has_now_is_abandoned() -> None:
    assert Lock(pid=os.getpid(), hostname=platform.node()).abandoned, "this process is no engine"


def test_nothing_is_said_about_locks_of_another_machine() -> None:
    assert not Lock(pid=ended_process(), hostname=f"not-{platform.node()}").abandoned


def test_a_lock_that_somebody_may_hold_is_left_alone(workspace: Workspace) -> None:
    file = lock(workspace, pid=1, hostname=f"not-{platform.node()}")
    state(workspace, pending=["creating"])
    assert not needs_recovery("dev", workspace), "whoever holds it may be creating that"
    assert file.exists()


def test_an_abandoned_lock_needs_recovery_and_stays_until_that_begins(workspace: Workspace) -> None:
    file = lock(workspace, pid=ended_process(), hostname=platform.node())
    assert needs_recovery("dev", workspace)
    assert file.exists(), "a recovery that is stopped while it waits would not be repeated"


def test_a_creation_with_no_end_needs_recovery_though_its_lock_is_gone(workspace: Workspace) -> None:
    state(workspace, pending=["updating", "creating"])
    assert needs_recovery("dev", workspace), "the next update would make it a second time"


@pytest.mark.parametrize("pending", [None, [], ["updating", "deleting"]])
def test_a_stack_in_which_nothing_was_being_created_needs_no_recovery(
    workspace: Workspace, pending: list[str] | None
) -> None:
    assert not needs_recovery("dev", workspace), "there is no stack yet"
    state(workspace, pending=pending)
    assert not needs_recovery("dev", workspace)


@pytest.mark.engine
def test_a_creation_with_no_end_is_seen_where_the_engine_sees_it(workspace: Workspace) -> None:
    request = Request(stack="dev", arguments=["up", "--yes", "--skip-preview"], mode=Mode.OFFLINE)
    assert run(request, workspace, say=lambda _line: None) == 0
    assert not needs_recovery("dev", workspace)
    # `pulumi stack import` would drop it.
    [file] = (workspace.folder / "backend" / ".pulumi" / "stacks").glob("*/dev.json")
    kept = json.loads(file.read_text())
    latest = kept["checkpoint"]["latest"]
    latest["pending_operations"] = [{"type": "creating", "resource": latest["resources"].pop()}]
    file.write_text(json.dumps(kept))
    exported = json.loads(ask("dev", workspace, "stack", "export"))
    assert [operation["type"] for operation in exported["deployment"]["pending_operations"]] == ["creating"]
    assert needs_recovery("dev", workspace)
    assert recover("dev", workspace, mode=Mode.OFFLINE, say=lambda _line: None) == 0
    assert not needs_recovery("dev", workspace)


@pytest.mark.engine
def test_a_stack_whose_engine_was_killed_can_be_used_again(workspace: Workspace) -> None:
    request = Request(stack="dev", arguments=["up", "--yes", "--skip-preview"], mode=Mode.OFFLINE)
    assert run(request, workspace, say=lambda _line: None) == 0
    lock(workspace, pid=ended_process(), hostname=platform.node())
    assert run(request, workspace, say=lambda _line: None) != 0, "the engine itself minds the lock"
    assert recover("dev", workspace, mode=Mode.OFFLINE, say=lambda _line: None) == 0
    assert run(request, workspace, say=lambda _line: None) == 0
    assert "world" in ask("dev", workspace, "stack", "output")
