"""Claims about the processes that a killed engine leaves behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil

from sandbox.engine import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KILLS_ITS_OWN = """
import pathlib, sys
from sandbox.engine import leftovers
leftovers.kill(pathlib.Path(sys.argv[1]))
"""


@contextlib.contextmanager
def working_on(backend: Path) -> Iterator[psutil.Process]:
    """A process that was given a state's address, as an engine's plugins are."""
    environment = {**os.environ, "PULUMI_BACKEND_URL": backend.resolve().as_uri()}
    with subprocess.Popen(["sleep", "300"], env=environment) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_what_works_on_a_state_that_is_about_to_go_is_ended_and_nothing_else(tmp_path: Path) -> None:
    ours, others = tmp_path / "local", tmp_path / "local-2"
    with working_on(ours / "stacks" / "backend") as left, working_on(others / "stacks" / "backend") as other:
        assert leftovers.kill(ours) == []
        assert not is_alive(left)
        assert is_alive(other)


def test_whoever_asks_for_the_end_does_not_end_with_it(tmp_path: Path) -> None:
    environment = {**os.environ, "PULUMI_BACKEND_URL": (tmp_path / "backend").resolve().as_uri()}
    line = [sys.executable, "-c", _KILLS_ITS_OWN, str(tmp_path)]
    # A user's shell may have the address from `export`.
    done = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *line], env=environment, check=False)
    assert done.returncode == 0
