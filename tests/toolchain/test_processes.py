"""Real processes: two builds at once, Ctrl-C, and a build that is killed.

Go is played by a script: it tells a version, and "builds" slowly enough to be met in the middle. What it builds
is called `server`, as etcd's package is (go.etcd.io/etcd/server).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.engine.project import CHECKOUT
from sandbox.toolchain.process import Command, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GO = """#!/bin/sh
case "$1" in
env) echo "$GOTOOLCHAIN" ;;
list) echo main ;;
build)
    echo $$ >> "$FAKE_GO_BUILDS"
    while [ "$1" != -o ]; do shift; done
    echo half > "$2/server"
    while [ -e "$FAKE_GO_HOLD" ]; do sleep 0.05; done
    echo whole > "$2/server"
    ;;
esac
"""
WAIT_SECONDS = 30.0


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it takes too long."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


class Machine:
    """A home of its own whose Go is the script above."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.hold = folder / "hold"
        self.builds = folder / "builds"
        path = folder / "path"
        path.mkdir()
        (path / "go").write_text(GO)
        (path / "go").chmod(0o755)
        self.environment = os.environ | {
            "XDG_CACHE_HOME": str(self.cache),
            "PATH": f"{path}:/usr/bin:/bin",
            "FAKE_GO_HOLD": str(self.hold),
            "FAKE_GO_BUILDS": str(self.builds),
        }
        self.started: list[subprocess.Popen[str]] = []

    def build(self) -> subprocess.Popen[str]:
        """Start building one tool, as a user does."""
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "tools", "etcd", "--build"],
            cwd=CHECKOUT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.started.append(process)
        return process

    def go_processes(self) -> list[int]:
        """The process ids of the builds that were begun."""
        return [int(line) for line in self.builds.read_text().split()] if self.builds.exists() else []

    def executables(self) -> list[str]:
        """The contents of the executables in the cache."""
        return [file.read_text() for file in self.cache.glob("fleet/tools/etcd/*/etcd")]

    def leftovers(self) -> list[Path]:
        """Unfinished work in the cache."""
        return list(self.cache.glob("fleet/tmp/*"))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.hold.unlink(missing_ok=True)
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_two_builds_at_once_build_once_and_both_succeed(machine: Machine) -> None:
    machine.hold.touch()
    processes = [machine.build(), machine.build()]
    wait_for(lambda: len(machine.go_processes()) == 1)
    machine.hold.unlink()
    for process in processes:
        _, stderr = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0, stderr
    assert len(machine.go_processes()) == 1
    assert machine.executables() == ["whole\n"]


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_build_ends_go_and_leaves_nothing(
    machine: Machine, number: signal.Signals, exit_code: int
) -> None:
    machine.hold.touch()
    process = machine.build()
    wait_for(lambda: bool(machine.go_processes()))
    process.send_signal(number)
    _, stderr = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == exit_code
    assert "Traceback" not in stderr
    assert not psutil.pid_exists(machine.go_processes()[0])
    assert machine.leftovers() == []
    assert machine.executables() == []


def test_after_a_build_was_killed_the_next_one_starts_afresh(machine: Machine) -> None:
    machine.hold.touch()
    killed = machine.build()
    wait_for(lambda: bool(machine.go_processes()))
    killed.kill()
    killed.communicate(timeout=WAIT_SECONDS)
    assert machine.executables() == []
    machine.hold.unlink()
    _, stderr = machine.build().communicate(timeout=WAIT_SECONDS)
    assert machine.executables() == ["whole\n"], stderr


def test_a_failure_is_one_sentence_and_exit_code_1(machine: Machine) -> None:
    go = Path(machine.environment["PATH"].split(":")[0]) / "go"
    go.write_text(GO.replace("list) echo main", "list) echo dial tcp: no such host >&2; exit 1"))
    process = machine.build()
    _, stderr = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1
    assert "error: The modules of etcd v3" in stderr
    assert "no such host" in stderr
    assert "Traceback" not in stderr


def test_lines_of_a_program_arrive_while_it_runs(tmp_path: Path) -> None:
    seen: list[str] = []
    script = "echo one >&2; echo out; echo two >&2; exit 3"
    finished = run(Command(arguments=["sh", "-c", script], environment=os.environ, folder=tmp_path), seen.append)
    assert seen == ["one", "two"]
    assert (finished.exit_code, finished.stdout, finished.stderr) == (3, "out\n", "one\ntwo\n")
