"""Locks on a stack whose engine is gone, and those that somebody still holds."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.engine import Mode, Request, ask, run
from sandbox.engine.locks import Lock, release_abandoned

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


def test_a_lock_of_a_process_that_is_gone_is_abandoned() -> None:
    assert Lock(pid=ended_process(), hostname=platform.node()).abandoned


def test_a_lock_whose_number_another_program_has_now_is_abandoned() -> None:
    assert Lock(pid=os.getpid(), hostname=platform.node()).abandoned, "this process is no engine"


def test_nothing_is_said_about_locks_of_another_machine() -> None:
    assert not Lock(pid=ended_process(), hostname=f"not-{platform.node()}").abandoned


def test_a_lock_that_somebody_may_hold_is_left_alone(workspace: Workspace) -> None:
    file = lock(workspace, pid=1, hostname=f"not-{platform.node()}")
    assert not release_abandoned("dev", workspace)
    assert file.exists()


def test_where_there_is_no_lock_nothing_is_done(workspace: Workspace) -> None:
    assert not release_abandoned("dev", workspace)


@pytest.mark.engine
def test_a_stack_whose_engine_was_killed_can_be_used_again(workspace: Workspace) -> None:
    request = Request(stack="dev", arguments=["up", "--yes", "--skip-preview"], mode=Mode.OFFLINE)
    assert run(request, workspace, say=lambda _line: None) == 0
    lock(workspace, pid=ended_process(), hostname=platform.node())
    assert run(request, workspace, say=lambda _line: None) != 0, "the engine itself minds the lock"
    assert release_abandoned("dev", workspace)
    assert run(request, workspace, say=lambda _line: None) == 0
    assert "world" in ask("dev", workspace, "stack", "output")
