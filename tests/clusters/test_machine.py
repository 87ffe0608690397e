"""A node's machine, with stand-ins for runc and nsenter: what becomes of a start that goes wrong."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.clusters.host import cgroups, subprocesses
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.processes import ProcessSpec
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.clusters.host.supervision import Unit
from sandbox.clusters.node import machine, node
from sandbox.clusters.node.machine import Machine
from sandbox.clusters.node.node import InMachine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Called as runc is: --root FOLDER COMMAND [OPTION...] NAME. A first process is a sleep, with its number in a file.
_RUNC = """#!/bin/sh
echo "$3" >> {folder}/calls
for name; do :; done
machine="$2/$name"
case "$3" in
state) test -f "$machine" && printf '{{"status": "running", "pid": %s}}' "$(cat "$machine")" ;;
run) mkdir -p "$2"; sleep 60 & echo $! > "$machine" ;;
delete) kill "$(cat "$machine")"; rm "$machine" ;;
esac
"""


class Programs:
    """The programs of the system that a machine is run with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.write("runc", _RUNC.format(folder=folder))
        self.write("nsenter", "#!/bin/sh\n")

    def write(self, name: str, script: str) -> None:
        (self._folder / name).write_text(script)
        (self._folder / name).chmod(0o755)

    def at(self, command: str, script: str) -> None:
        """Let runc run a script instead at one of its commands."""
        original = _RUNC.format(folder=self._folder)
        self.write("runc", original.replace('case "$3" in\n', f'case "$3" in\n{command}) {script} ;;\n'))

    def calls(self) -> list[str]:
        """The commands that runc was called with."""
        return (self._folder / "calls").read_text().split()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setattr(subprocesses, "_PATH", f"{folder}:{subprocesses._PATH}")
    for module in (machine, node):
        monkeypatch.setattr(module, "_START_SECONDS", 0.5)
    return Programs(folder)


@pytest.fixture
def one(tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine that is off."""
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "node"
    folder.mkdir()
    one = Machine(layout=Layout("test"), name="lke1-2-3", folder=folder, tools={})
    yield one
    for path in one.layout.machines.glob("*"):
        os.kill(int(path.read_text()), signal.SIGKILL)


def kubelet(one: Machine) -> Unit:
    return Unit(name="lke1.lke1-2-3.kubelet", command=ProcessSpec(line=["kubelet"]), place=InMachine(one))


def is_gone(pid_file: Path, *, within_seconds: float = 5) -> bool:
    """Whether a process ends; a signal that was sent takes effect a moment later."""
    deadline = time.monotonic() + within_seconds
    try:
        process = psutil.Process(int(pid_file.read_text()))
        while process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
    except psutil.NoSuchProcess:
        pass
    return True


def test_a_runc_that_fails_and_says_nothing_is_told_of(one: Machine, programs: Programs) -> None:
    programs.at("run", "exit 3")
    with pytest.raises(CommandError, match=r"runc .* failed: it ended with status 3; see .*machine\.log"):
        one.ensure()


def test_what_runc_says_is_told_and_not_what_an_earlier_one_said(one: Machine, programs: Programs) -> None:
    programs.at("run", "echo earlier; exit 1")
    with pytest.raises(CommandError, match="earlier"):
        one.ensure()
    programs.at("run", "exit 1")
    with pytest.raises(CommandError) as raised:
        one.ensure()
    assert "earlier" not in str(raised.value)


def test_a_runc_that_does_not_end_is_killed_and_told_of(one: Machine, programs: Programs, tmp_path: Path) -> None:
    programs.at("run", f"echo $$ > {tmp_path}/starter; exec sleep 60")
    with pytest.raises(CommandError, match="no end after"):
        one.ensure()
    assert is_gone(tmp_path / "starter")


def test_a_start_inside_that_does_not_end_leaves_no_process(one: Machine, programs: Programs, tmp_path: Path) -> None:
    # exec --detach --pid-file FILE
    started = f'sleep 60 & echo $! | tee "$6" > {tmp_path}/started; echo $$ > {tmp_path}/starter; exec sleep 60'
    programs.at("exec", started)
    with pytest.raises(CommandError, match="no end after"):
        kubelet(one).place.start(kubelet(one))
    assert is_gone(tmp_path / "starter")
    assert is_gone(tmp_path / "started"), "the next start would be a second one beside it"


def test_a_start_inside_that_leaves_no_number_is_told_of(one: Machine, programs: Programs) -> None:
    programs.at("exec", "exit 0")
    with pytest.raises(CommandError, match="it left no process number"):
        kubelet(one).place.start(kubelet(one))


def test_a_machine_that_runs_is_left_alone(one: Machine, programs: Programs) -> None:
    one.ensure()
    first = one.first_process()
    one.ensure()
    assert first is not None
    assert one.first_process() == first
    assert programs.calls().count("run") == 1


def test_a_machine_that_starts_finds_no_group_of_what_ran_in_it_before(
    one: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "_MOUNT", tmp_path / "cgroup")
    pod = tmp_path / "cgroup" / one.cgroup / "kubepods/burstable/pod1"
    pod.mkdir(parents=True)
    (tmp_path / "cgroup/cgroup.controllers").touch()
    one.ensure()
    assert not pod.exists()


def test_a_machine_that_cannot_be_set_up_is_off_again(one: Machine, programs: Programs) -> None:
    """Its first process runs already when what comes after fails."""
    programs.write("nsenter", "#!/bin/sh\ncase $* in *--bind*) exit 1 ;; esac\n")
    with pytest.raises(CommandError, match="nsenter"):
        one.ensure()
    assert one.first_process() is None
    programs.write("nsenter", "#!/bin/sh\n")
    one.ensure()
    assert programs.calls().count("run") == 2


def test_a_machine_whose_setting_up_was_cut_off_is_made_anew(
    one: Machine, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*command: str) -> str:
        if command[0] == "nsenter":
            raise SystemExit
        return subprocesses.run(*command)

    with monkeypatch.context() as patch:
        patch.setattr(machine, "run", killed)
        with pytest.raises(SystemExit):
            one.ensure()
    half = one.first_process()
    assert half is not None
    one.ensure()
    assert one.first_process() not in (half, None)


def test_a_machine_that_an_earlier_release_started_is_known_to_lack_what_that_had_not(tmp_path: Path) -> None:
    old = Machine(layout=Layout("test"), name="old", folder=tmp_path, tools={})
    assert not old.has("network-policy")
    # runc makes it, as the place at which the tool is mounted.
    place = old.root / "opt/fleet/bin/network-policy"
    place.parent.mkdir(parents=True)
    place.touch()
    assert old.has("network-policy")
