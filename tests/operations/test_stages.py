"""Work in stages: what is said, what is kept, and how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operations.stages import Stage, StoppedError, duration, kept, run_stages
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Time that passes by two seconds with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 2.0
        return self.now


def stage(name: str, work: Callable[[], None]) -> Stage:
    return Stage(name=name, title=f"making {name}", usual="a minute", work=work)


def test_each_stage_says_what_it_does_how_far_that_is_and_how_long_it_took() -> None:
    said: list[str] = []
    stages = [stage("tools", lambda: None), stage("fleet", lambda: None)]
    took = run_stages(stages, say=said.append, afterwards=kept("make up"), clock=Clock())
    assert said == [
        "[1/2] tools: making tools (a minute)",
        "[1/2] tools: done in 2.0 s",
        "[2/2] fleet: making fleet (a minute)",
        "[2/2] fleet: done in 2.0 s",
    ]
    assert took == {"tools": 2.0, "fleet": 2.0}


def test_whoever_stops_it_reads_where_it_was_and_the_command_that_goes_on() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    done: list[str] = []
    stages = [
        stage("tools", lambda: done.append("tools")),
        stage("fleet", interrupted),
        stage("claims", lambda: done.append("claims")),
    ]
    with pytest.raises(StoppedError) as stopped:
        run_stages(stages, say=lambda _line: None, afterwards=kept("make up"), clock=Clock())
    expected = "stopped in [2/3] fleet after 2.0 s; what is done is kept: `make up` goes on"
    assert str(stopped.value) == expected
    assert done == ["tools"], "nothing is begun after that"


def test_a_failure_comes_through_and_the_way_on_is_said() -> None:
    failure = SandboxError(what="it", why="broke", remedy="Mend it")

    def fail() -> None:
        raise failure

    said: list[str] = []
    with pytest.raises(SandboxError) as raised:
        run_stages([stage("fleet", fail)], say=said.append, afterwards=kept("make up"), clock=Clock())
    assert raised.value is failure
    assert said[-1] == "[1/1] fleet: failed after 2.0 s; what is done is kept: `make up` goes on"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.44, "0.4 s"), (9.99, "10.0 s"), (32.4, "32 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s")]
)
def test_durations_are_said_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
