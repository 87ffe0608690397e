"""Processes that outlive whoever starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil

from sandbox.clusters.host.subprocesses import beside, detach
from sandbox.waiting import until
from tests.unit.configs import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_that_outlives_its_starter_is_nobodys_mistake(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sandbox.clusters.host.subprocesses import detach;"
        "print(detach(['sleep', '60'], log=Path(sys.argv[1]), folder=Path('/')))"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "log")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    os.kill(int(ended.stdout), signal.SIGKILL)
    assert ended.stderr == ""


def test_a_process_that_ended_is_collected_when_the_next_one_starts(tmp_path: Path) -> None:
    first = detach(["true"], log=tmp_path / "log", folder=tmp_path)
    assert until(lambda: psutil.Process(first).status() == psutil.STATUS_ZOMBIE, seconds=20, every=0.05)
    second = detach(["true"], log=tmp_path / "log", folder=tmp_path)
    assert not psutil.pid_exists(first)
    assert until(lambda: psutil.Process(second).status() == psutil.STATUS_ZOMBIE, seconds=20, every=0.05)
    detach(["true"], log=tmp_path / "log", folder=tmp_path)


def test_a_process_beside_a_block_ends_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with beside(["sh", "-c", "echo $$; exec sleep 60"], log=log, folder=tmp_path):
        assert until(lambda: log.read_text().strip(), seconds=20, every=0.05)
        process = int(log.read_text())
        assert psutil.pid_exists(process)
    assert not psutil.pid_exists(process)
