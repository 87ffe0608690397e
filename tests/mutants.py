"""What `make mutants` adds to pytest: who is credited with what tests share, and which tests are tried first.

mutmut credits the test that runs with every function that is called. A fixture of a module, or what a cache keeps, is
made in the first test that asks for it, and all the others would be credited with nothing. And it names the tests of a
mutant in no order, so that such fixtures would be made again and again.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from mutmut.mutation.trampoline import get_mutant_under_test
from mutmut.state import state

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

SECONDS: Final = 30.0
"""How long a mutant is tried. What every program runs is touched by hundreds of tests, which take many minutes."""
MUTANT: Final = "__mutmut_"
"""In the name of every mutant; mutmut has other names for runs that list all tests, or note what they touch."""


class Reached:
    """The functions that fixtures reached when they were made, by file and fixture."""

    def __init__(self) -> None:
        self._functions: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Note what a fixture reaches."""
        with _noted() as found:
            result = yield
        self._functions[fixturedef.baseid, fixturedef.argname] |= found
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Credit a test with what its fixtures reached, whoever had them made."""
        for name in getattr(item, "fixturenames", ()):
            state()._stats |= self._functions[item.nodeid.partition("::")[0], name]


def pytest_configure(config: pytest.Config) -> None:
    """Begin before any test's module is imported, and so before it takes the cache of the standard library."""
    config.pluginmanager.register(Reached())
    functools.cache = crediting  # type: ignore[assignment]  # it has no cache_info, which no test asks for


def crediting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A cache that credits everybody who asks with what was reached for the first who did."""
    kept: dict[Any, tuple[Any, set[str]]] = {}

    @functools.wraps(function)
    def ask(*args: Any, **named: Any) -> Any:
        key = args, tuple(named.items())
        if key not in kept:
            with _noted() as found:
                result = function(*args, **named)
            kept[key] = result, found
        result, found = kept[key]
        state()._stats |= found
        return result

    return ask


@contextmanager
def _noted() -> Iterator[set[str]]:
    """The functions that are called meanwhile; they are credited to the test that runs, too."""
    before, found = state()._stats, set[str]()
    state()._stats = found
    try:
        yield found
    finally:
        state()._stats = before | found


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Count the making of fixtures among a test's time, which mutmut leaves out."""
    if call.when == "setup" and get_mutant_under_test() == "stats":
        state().duration_by_test[item.nodeid] += call.duration


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Go file by file: first those that are named after the mutant's module, then those that take the least time."""
    mutant = get_mutant_under_test()
    if MUTANT not in mutant:
        return
    took: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        took[item.path] += state().duration_by_test.get(item.nodeid, 0.0)

    def order(item: pytest.Item) -> tuple[bool, float, Path, int]:
        about = item.path.stem.removeprefix("test_")
        return about not in mutant.split("."), took[item.path], item.path, item.location[1] or 0

    items.sort(key=order)
    seconds = 0.0
    for place, item in enumerate(items):
        seconds += state().duration_by_test.get(item.nodeid, 0.0)
        if seconds > SECONDS:
            del items[place + 1 :]
            break
