"""`up` is interrupted at any moment.

Steady: an empty account, and a stack with nothing in it.
Done: the engine of `up` gets SIGINT or SIGKILL at a random moment of the first 100 s; twice, and more often by
`make endurance INTERRUPTIONS=10`. `--seed` repeats a run's moments.
Must hold: the next `up` finishes what it began, and every claim holds; `destroy` leaves nothing that costs money.
By: an interrupted `up` ends within 3 minutes; nothing is left 30 s after `destroy`.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.verify.commands import claims
from tests.e2e.clients import AccountClient, eventually
from tests.e2e.stack import YES, Stack, engine_of

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

LAYERS = ["karmada", "workloads"]
LONGEST_SECONDS = 100.0
"""About as long as an undisturbed `up` takes."""
END_SECONDS = 180.0


def interrupt(stack: Stack, seconds: float, number: signal.Signals) -> None:
    """Start `up` and send its engine a signal after some time; return when it has ended."""
    with stack.start("up", *YES) as command:
        time.sleep(seconds)
        engine = engine_of(command)
        if engine is not None:
            engine.send_signal(number)
        try:
            command.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"up goes on {END_SECONDS:.0f} s after {number.name}: {stack.said.read_text()[-3000:]}"
            ) from None


@pytest.fixture
def stack(layout: Layout, tmp_path: Path) -> Stack:
    """A stack with nothing in it yet."""
    stack = Stack(layout=layout, folder=tmp_path)
    stack.configure(layers=LAYERS)
    return stack


def test_an_interrupted_up_is_finished_by_the_next_or_taken_away_by_destroy(
    stack: Stack, interruption: int, seed: int, tmp_path: Path
) -> None:
    chance = random.Random(f"{seed}-{interruption}")
    seconds = chance.uniform(1.0, LONGEST_SECONDS)
    number = (signal.SIGINT, signal.SIGKILL)[interruption % 2]
    goes_on = interruption % 4 in (1, 2)
    told = f"seed {seed}, interruption {interruption}: {number.name} after {seconds:.1f} s"
    print(f"{told}, then {'up' if goes_on else 'destroy'}")
    interrupt(stack, seconds, number)
    if number is signal.SIGKILL:
        stack.recover()
    if goes_on:
        stack.up(layers=LAYERS)
        wrong = [
            claim for claim in claims(stack.outputs(), stack.settings(), stack.layout, tmp_path) if not claim.holds
        ]
        assert wrong == [], told
    stack.destroy()
    account = AccountClient(layout=stack.layout, folder=tmp_path)
    eventually(lambda: account.left() == {}, f"nothing is left that costs money; {told}", within_seconds=30)
