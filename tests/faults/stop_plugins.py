"""Plugins do not answer when the engine says goodbye to them, as on two cores with very much else to do.

Steady: a fleet that an update leaves unchanged.
Done: `pulumi up`, whose Kubernetes providers are stopped (SIGSTOP) as soon as the program has ended.
Must hold: the update ends well and says that nothing changed, whatever the engine says of its plugins; none is left.
By: a minute after the program's end; the engine waits 5 s for all of its plugins.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psutil
import pytest

from tests.e2e.running import changes_nothing
from tests.e2e.stack import YES, engine_of

if TYPE_CHECKING:
    import subprocess

    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

PROGRAM: Final = "sandbox/plugins/language/executor.py"
PROVIDER: Final = "pulumi-resource-kubernetes"
ENDS_WITHIN_SECONDS: Final = 60.0
RUNS_WITHIN_SECONDS: Final = 600.0
TRIES: Final = 5
"""Plugins that have nothing to do are gone within milliseconds of the program's end."""


def below(engine: psutil.Process, word: str) -> list[psutil.Process]:
    """The engine's processes that have a word in their command line; none of an engine that has ended."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for process in engine.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if word in " ".join(process.cmdline()):
                    found.append(process)
    return found


def engine_after_the_program(command: subprocess.Popen[bytes]) -> psutil.Process:
    """The engine, at the moment when the program has ended: all that it wanted is done."""
    deadline = time.monotonic() + RUNS_WITHIN_SECONDS
    began = False
    while time.monotonic() < deadline:
        engine = engine_of(command)
        runs = engine is not None and bool(below(engine, PROGRAM))
        if engine is not None and began and not runs:
            return engine
        began = began or runs
        time.sleep(0.02)
    raise AssertionError("the program does not end")


def stop(process: psutil.Process) -> bool:
    """Whether a process was still there to be stopped."""
    try:
        process.send_signal(signal.SIGSTOP)
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def stopped_at_the_end(fleet: Fleet) -> tuple[list[psutil.Process], int, str]:
    """An update whose providers stop at its end: which were still there, its exit code, and what it said."""
    said = fleet.stack.said
    before = said.stat().st_size if said.exists() else 0
    with fleet.stack.start("up", *YES) as command:
        stopped = [process for process in below(engine_after_the_program(command), PROVIDER) if stop(process)]
        status = command.wait(timeout=ENDS_WITHIN_SECONDS)
    return stopped, status, said.read_bytes()[before:].decode(errors="replace")


def test_an_update_whose_plugins_answer_too_late_is_done_all_the_same(fleet: Fleet) -> None:
    fleet.configured()
    for _ in range(TRIES):
        stopped, status, said = stopped_at_the_end(fleet)
        assert status == 0, said[-3000:]
        assert changes_nothing(said), said[-3000:]
        if stopped:
            break
    assert stopped, "of no update's plugins one was left to be stopped"
    assert not [process for process in stopped if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert changes_nothing(fleet.up())
