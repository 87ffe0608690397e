"""What every test starts from."""

import random
import signal
from pathlib import Path

import pytest

LIVE = ("e2e", "faults")
"""The folders whose tests share sandboxes and a fleet."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the tests that need root: which run, and what those take that update a fleet or interrupt `up`."""
    parser.addoption("--only", default="", help="a part of the names of the files or tests that run")
    parser.addoption("--from", dest="commit", default="", help="the commit whose fleet is updated; printed")
    parser.addoption("--interruptions", type=int, default=2, help="how many times `up` is interrupted")
    parser.addoption("--seed", type=int, default=random.randrange(10**6), help="of the moments; printed with each")


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> None:
    """Bring what those folders share along with the first of them: other tests do without seconds of imports."""
    if path.name in LIVE:
        parent.config.pluginmanager.import_plugin("tests.e2e.fixtures")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each interruption."""
    if "interruption" in metafunc.fixturenames:
        metafunc.parametrize("interruption", range(metafunc.config.getoption("--interruptions")))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What random moments of this run follow from."""
    found: int = request.config.getoption("--seed")
    return found


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, also where they run in the background of a shell.

    Such a shell has its children ignore SIGINT, which each of theirs inherits; a handler is not inherited.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
