"""What is on the screen, or in the log, while tools are built."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from sandbox.toolchain.progress import PlainReporter, Step, TerminalReporter

STEP = Step(title="helm v3.22.0", position=2, total=5)


def test_a_log_gets_plain_lines_for_start_life_and_end() -> None:
    text = io.StringIO()
    alive = threading.Event()

    class Watched(io.StringIO):
        def write(self, line: str) -> int:
            if "so far" in line:
                alive.set()
            return text.write(line)

    reporter = PlainReporter(Console(file=Watched()), sign_of_life_seconds=0.01)
    with reporter.step(STEP) as activity:
        activity.stage("compiling", packages=812)
        activity.advance()
        assert alive.wait(10)
    lines = text.getvalue().splitlines()
    assert lines[0] == "[2/5] helm v3.22.0: started"
    assert any(line.startswith("[2/5] helm v3.22.0: compiling, 1/812 packages, 0 s so far") for line in lines)
    assert lines[-1] == "[2/5] helm v3.22.0: 0 s"
    assert "\x1b" not in text.getvalue(), "no control codes in a log"


def test_a_terminal_keeps_one_line_a_tool() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with TerminalReporter(console).step(STEP) as activity:
        activity.stage("compiling", packages=812)
        activity.advance()
    assert "1/812" in screen.getvalue()
    assert screen.getvalue().rstrip().endswith("[2/5] helm v3.22.0: 0 s")


@pytest.mark.parametrize("kind", [PlainReporter, TerminalReporter])
def test_a_step_that_fails_is_not_reported_as_done(kind: type[PlainReporter | TerminalReporter]) -> None:
    text = io.StringIO()
    with pytest.raises(RuntimeError), kind(Console(file=text)).step(STEP):
        raise RuntimeError
    assert not text.getvalue().rstrip().endswith(" s")


@pytest.mark.parametrize("kind", [PlainReporter, TerminalReporter])
def test_square_brackets_are_text_and_no_markup(kind: type[PlainReporter | TerminalReporter]) -> None:
    text = io.StringIO()
    kind(Console(file=text, width=100)).note("[2/5] [bold]helm")
    assert text.getvalue() == "[2/5] [bold]helm\n"
