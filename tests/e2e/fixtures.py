"""What the tests that need root run on: small sandboxes of a module's own, and one fleet for all; always taken down.

A plugin, since a conftest.py is for one folder, and the fleet is for the faults too (tests/conftest.py).
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import pytest

from operations.stages import duration
from sandbox.local import lifecycle
from tests.e2e.clients import AccountClient, Cluster
from tests.e2e.interruption import stop_at
from tests.e2e.names import own
from tests.e2e.rights import stay_root
from tests.e2e.running import Fleet
from tests.e2e.secrets import CommandLines
from tests.e2e.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout


IN_THE_MIDDLE = re.compile(r"helm\.sh/v3:Release \S+ creating")
"""The engine's line when charts are about to be installed: clusters run, nothing on them does."""


@pytest.hookimpl(trylast=True)  # after the marks have had their say
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what `--only` names, and put it in order.

    What shares the fleet runs after the rest, so that only one sandbox is up at a time, and what ends it last.
    """
    if only := config.getoption("--only"):
        items[:] = chosen(items, only)
    order = ("fleet", "left_fleet", "ending_fleet", "renewed_fleet", "rotated_fleet", "expelling_fleet")
    items.sort(key=lambda item: sum(name in getattr(item, "fixturenames", ()) for name in order))


def chosen(items: Sequence[pytest.Item], only: str) -> list[pytest.Item]:
    """The tests whose file or own name has a part that is called so.

    Raises:
        UsageError: none has.

    """
    names = {item: item.nodeid.rpartition("/")[2] for item in items}
    if found := [item for item, name in names.items() if only in name]:
        return found
    # Those of one test with several parameters differ in brackets.
    there = sorted({name.partition("[")[0] for name in names.values()})
    raise pytest.UsageError(
        "\n  ".join([f"no test is called {only!r}; name a file or a test, or a part of one:", *there])
    )


@pytest.hookimpl(tryfirst=True)  # before any fixture
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail in a sentence where a sandbox cannot be."""
    if item.get_closest_marker("privileged"):
        assert os.geteuid() == 0, "the privileged tests need root; run them by `make e2e`"
        stay_root()


@pytest.fixture(scope="session")
def command_lines() -> Iterator[CommandLines]:
    """The arguments of all processes, from before the fleet's first on."""
    with CommandLines() as watch:
        yield watch


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Tells whoever waits, at once, what goes on, and since when."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    begun = time.monotonic()

    def said(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n  {duration(time.monotonic() - begun)}: {line}", end="", flush=True)

    return said


@pytest.fixture(scope="session")
def fleet(
    say: Callable[[str], None],
    command_lines: CommandLines,  # it has to be there first
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    """The whole fleet of `make up`, brought up once for all tests that ask for it, and stopped once on the way."""
    layout = own("fleet")
    lifecycle.down(layout)
    stack = Stack(layout=layout, folder=tmp_path_factory.mktemp("fleet"))
    try:
        said = stop_at(IN_THE_MIDDLE, layout, say=say)
        stack.hide("probe")
        yield Fleet.bring_up(stack, said_when_stopped=said, say=say)
    finally:
        lifecycle.down(layout)


@pytest.fixture
def left_fleet(fleet: Fleet) -> Fleet:
    """The fleet, as those tests leave it that end nothing."""
    return fleet


@pytest.fixture
def ending_fleet(left_fleet: Fleet) -> Fleet:
    """The fleet, for tests after which it is not whole any more: they run last, in the order of their files."""
    return left_fleet


@pytest.fixture
def renewed_fleet(ending_fleet: Fleet) -> Fleet:
    """The fleet, for tests that renew Karmada's certificates, which all after them would do again."""
    return ending_fleet


@pytest.fixture
def rotated_fleet(renewed_fleet: Fleet) -> Fleet:
    """The fleet, for tests after which the checked-in config is refused, since its root is gone."""
    return renewed_fleet


@pytest.fixture
def expelling_fleet(rotated_fleet: Fleet) -> Fleet:
    """The fleet, for tests after which one of its members is gone for good: the very last."""
    return rotated_fleet


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    """A sandbox that is up."""
    layout = own("small")
    lifecycle.down(layout)
    try:
        lifecycle.up(layout, say=print)
        yield layout
    finally:
        lifecycle.down(layout)


@pytest.fixture(scope="module")
def account(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> AccountClient:
    """The emulated account of the sandbox."""
    folder: Path = tmp_path_factory.mktemp("kubeconfigs")
    return AccountClient(layout=layout, folder=folder)


@pytest.fixture(scope="module")
def pair(account: AccountClient) -> tuple[Cluster, Cluster]:
    """Two clusters, `eu` of two nodes and `us` of one, made side by side."""
    ids = [account.create("eu", region="eu-west", nodes=2), account.create("us", region="us-west", nodes=1)]
    eu, us = (account.ready(cluster_id) for cluster_id in ids)
    return eu, us


@pytest.fixture(scope="module")
def eu(pair: tuple[Cluster, Cluster]) -> Cluster:
    """The cluster of two nodes."""
    return pair[0]


@pytest.fixture(scope="module")
def us(pair: tuple[Cluster, Cluster]) -> Cluster:
    """The cluster of one node."""
    return pair[1]
