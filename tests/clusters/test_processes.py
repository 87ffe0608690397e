"""Processes that are found again, or known not to be the same, and kept running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.clusters.host import supervision
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.processes import ProcessSpec, Running, recall, remember, start_ticks
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.clusters.host.supervision import Supervisor, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    return Unit(name="one", command=ProcessSpec(line=line or SLEEP), place=place)


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
    changing = Unit(name="one", command=ProcessSpec(line=SLEEP, inputs=(configuration,)), place=place)
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


@pytest.mark.parametrize("error", [subprocess.TimeoutExpired("runc", 20), IndexError(), CommandError(["runc"], "")])
def test_one_that_cannot_be_started_keeps_no_other_from_being_watched(
    layout: Layout, place: Place, error: Exception
) -> None:
    class Broken:
        attempts = 0

        def start(self, unit: Unit) -> int:
            self.attempts += 1
            raise error

    broken = Broken()
    supervisor = Supervisor(layout)
    with pytest.raises(type(error)):
        supervisor.ensure(Unit(name="broken", command=ProcessSpec(line=SLEEP), place=broken))
    supervisor.ensure(unit(place))
    supervisor.begin()
    try:
        wait_for(lambda: broken.attempts > 1)
        place.children[0].kill()
        wait_for(lambda: known(layout).restarts == 1 and known(layout).alive)
        attempts = broken.attempts
        wait_for(lambda: broken.attempts > attempts)
    finally:
        supervisor.end()


def test_a_start_that_takes_long_on_one_node_keeps_no_other_waiting(layout: Layout, place: Place) -> None:
    class Slow:
        """Goes on with a start when it is told to."""

        def __init__(self) -> None:
            self.begun, self.may_end = threading.Event(), threading.Event()

        def start(self, unit: Unit) -> int:
            self.begun.set()
            assert self.may_end.wait(20)
            return place.start(unit)

    slow = Slow()
    supervisor = Supervisor(layout)
    supervisor.ensure(unit(place))
    supervisor.begin()
    starting = threading.Thread(
        target=supervisor.ensure, args=[Unit(name="lke1.a.kubelet", command=ProcessSpec(line=SLEEP), place=slow)]
    )
    same_node = threading.Thread(
        target=supervisor.ensure, args=[Unit(name="lke1.a.kube-proxy", command=ProcessSpec(line=SLEEP), place=place)]
    )
    try:
        starting.start()
        assert slow.begun.wait(20)
        same_node.start()
        supervisor.ensure(Unit(name="lke2.b.kubelet", command=ProcessSpec(line=SLEEP), place=place))
        assert supervisor.is_alive("lke2.b.kubelet"), "another cluster's node starts meanwhile"
        place.children[0].kill()
        wait_for(lambda: known(layout).restarts == 1 and known(layout).alive)
        assert not supervisor.is_alive("lke1.a.kube-proxy"), "two starts on one node would both switch it on"
    finally:
        slow.may_end.set()
        starting.join(20)
        same_node.join(20)
        supervisor.end()
    assert supervisor.is_alive("lke1.a.kubelet")
    assert supervisor.is_alive("lke1.a.kube-proxy")


def test_one_that_ends_at_once_is_a_command_that_failed(layout: Layout, place: Place) -> None:
    class Gone:
        def start(self, unit: Unit) -> int:
            pid = place.start(unit)
            place.end()
            return pid

    with pytest.raises(CommandError, match="ended at once"):
        Supervisor(layout).ensure(Unit(name="gone", command=ProcessSpec(line=SLEEP), place=Gone()))


def test_a_log_that_cannot_be_shortened_ends_no_supervision(
    layout: Layout, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_LOG_BYTES", 3)
    layout.logs.mkdir()
    (layout.logs / "dangling.log").symlink_to(layout.logs / "nothing")
    long = layout.logs / "one.log"
    supervisor = Supervisor(layout)
    supervisor.ensure(unit(place))
    supervisor.begin()
    try:
        for _ in range(2):
            long.write_text("long")
            wait_for(lambda: not long.read_text())
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
    assert running.ticks is not None
    assert not running.model_copy(update={"ticks": running.ticks - 1}).alive, "its number was used before"
    assert not running.model_copy(update={"boot": "another"}).alive, "the machine was started anew since"


@pytest.fixture
def stepped_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Sets the system's clock an hour forward, as psutil sees it: the boot moves with it."""

    def step() -> None:
        boot = psutil._pslinux.boot_time()
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + 3600)

    return step


def test_a_step_of_the_clock_starts_nothing_a_second_time(
    layout: Layout, place: Place, stepped_clock: Callable[[], None]
) -> None:
    Supervisor(layout).ensure(unit(place))
    before = psutil.Process(place.children[0].pid).create_time()
    stepped_clock()
    assert psutil.Process(place.children[0].pid).create_time() - before == 3600, "the clock was set"
    Supervisor(layout).ensure(unit(place))
    assert len(place.children) == 1


def test_a_program_may_have_any_name(tmp_path: Path) -> None:
    odd = tmp_path / "a) 1 (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "60"]) as child:
        try:
            wait_for(lambda: "a) 1 (b" in Path(f"/proc/{child.pid}/stat").read_text())
            age = time.clock_gettime(time.CLOCK_BOOTTIME) - start_ticks(child.pid) / os.sysconf("SC_CLK_TCK")
            assert 0 <= age < 30
        finally:
            child.kill()


def test_a_process_of_an_older_sandbox_is_known_by_the_clock(tmp_path: Path, place: Place) -> None:
    path = tmp_path / "one.json"
    remember(path, pid=place.start(unit(place)), fingerprint="", restarts=0)
    older = {key: value for key, value in json.loads(path.read_text()).items() if key != "ticks"}
    path.write_text(json.dumps(older))
    running = recall(path)
    assert running is not None
    assert running.alive
    assert not running.model_copy(update={"started": running.started - 60}).alive, "its number was used before"


def test_a_damaged_file_speaks_of_no_process(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text('{"pid": 1')
    assert recall(path) is None
