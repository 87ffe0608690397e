"""Processes that are found again, or known not to be the same, and kept running."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.kubernetes.layout import Layout
from sandbox.kubernetes.processes import Command, Running, recall, remember
from sandbox.kubernetes.supervision import Supervisor, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


class Place:
    """Runs units as children, which its end ends."""

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[bytes]] = []

    def start(self, unit: Unit) -> int:
        child = subprocess.Popen(unit.command.line)
        self.children.append(child)
        return child.pid

    def end(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.end()


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path))
    layout = Layout("test")
    layout.units.mkdir(parents=True)
    return layout


def unit(place: Place, *line: str) -> Unit:
    return Unit(name="one", command=Command(line=line or SLEEP), place=place)


def wait_for(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "not within 20 s"
        time.sleep(0.05)


def known(layout: Layout) -> Running:
    running = recall(layout.units / "one.json")
    assert running is not None
    return running


def test_a_process_is_found_again_by_a_later_supervisor(layout: Layout, place: Place) -> None:
    Supervisor(layout).ensure(unit(place))
    first = known(layout)
    Supervisor(layout).ensure(unit(place))
    assert known(layout) == first
    assert len(place.children) == 1


def test_a_process_with_another_command_is_replaced(layout: Layout, place: Place) -> None:
    supervisor = Supervisor(layout)
    supervisor.ensure(unit(place))
    first = known(layout)
    supervisor.ensure(unit(place, *SLEEP, "another"))
    assert not first.alive
    assert known(layout).alive


def test_a_process_whose_configuration_changed_is_replaced(layout: Layout, place: Place, tmp_path: Path) -> None:
    configuration = tmp_path / "configuration"
    configuration.write_text("one")
    changing = Unit(name="one", command=Command(line=SLEEP, inputs=(configuration,)), place=place)
    supervisor = Supervisor(layout)
    supervisor.ensure(changing)
    first = known(layout)
    configuration.write_text("two")
    supervisor.ensure(changing)
    assert known(layout).pid != first.pid


def test_a_killed_process_is_started_again(layout: Layout, place: Place) -> None:
    supervisor = Supervisor(layout)
    supervisor.ensure(unit(place))
    supervisor.begin()
    try:
        place.children[0].kill()
        wait_for(lambda: known(layout).restarts == 1 and known(layout).alive)
    finally:
        supervisor.end()


def test_a_dropped_process_is_ended_and_forgotten(layout: Layout, place: Place) -> None:
    supervisor = Supervisor(layout)
    supervisor.ensure(unit(place))
    running = known(layout)
    supervisor.drop(["one"])
    assert not running.alive
    assert supervisor.names("") == []


def test_another_process_with_the_same_number_is_not_the_one_that_was_started(tmp_path: Path, place: Place) -> None:
    pid = place.start(unit(place))
    running = remember(tmp_path / "one.json", pid=pid, fingerprint="", restarts=0)
    assert running.alive
    assert not running.model_copy(update={"started": running.started - 60}).alive, "its number was used before"
    assert not running.model_copy(update={"boot": "another"}).alive, "the machine was started anew since"


def test_a_damaged_file_speaks_of_no_process(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text('{"pid": 1')
    assert recall(path) is None
