"""An emulated account whose clusters are simulated, and a provider that is configured for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs
from sandbox.linode.simulated import Pace, SimulatedBackend
from sandbox.plugins.linode.api import Api, connect
from sandbox.plugins.linode.cluster import LkeCluster
from sandbox.plugins.linode.connection import Connection
from sandbox.plugins.linode.settings import Settings, resolve
from tests.plugins.calls import Calls

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time of the simulated clusters. Nodes are ready a second after they were made."""
    found = Clock()
    found.now = 10.0
    return found


@pytest.fixture
def account(clock: Clock) -> Iterator[LinodeApi]:
    """A fresh account. Its nodes become ready at once, unless the clock is held."""
    backend = SimulatedBackend(Pace(), clock=clock)
    with LinodeApi(LinodeApiArgs(backend=backend, limits=UNLIMITED, kubernetes_versions=("1.34", "1.35"))) as api:
        yield api


@pytest.fixture
def slow_account(clock: Clock) -> Iterator[LinodeApi]:
    """An account whose nodes become ready only when the clock moves on by a minute."""
    backend = SimulatedBackend(Pace(ready=60), clock=clock)
    with LinodeApi(LinodeApiArgs(backend=backend, limits=UNLIMITED, kubernetes_versions=("1.34", "1.35"))) as api:
        yield api


def settings_for(account: LinodeApi) -> Settings:
    """Settings that lead to the account and do not wait long between questions."""
    return resolve({"token": account.token, "url": account.url, "eventPollMs": "20", "lkeNodeReadyPollMs": "20"})


@pytest.fixture
def connection(account: LinodeApi) -> Connection:
    """What a provider keeps that leads to the account."""
    found = Connection()
    found.configure(settings_for(account))
    return found


def cluster_calls(account: LinodeApi, *, timeout: float = 30) -> Calls:
    """LkeCluster, configured for the account."""
    connection = Connection()
    connection.configure(settings_for(account))
    return Calls(LkeCluster(connection), timeout=timeout)


@pytest.fixture
def calls(account: LinodeApi) -> Calls:
    """LkeCluster, configured for the fresh account."""
    return cluster_calls(account)


@pytest.fixture
def api(account: LinodeApi) -> Api:
    """The account itself, to look at and to change behind the provider's back."""
    return connect(settings_for(account))


@pytest.fixture
def api_of_slow_account(slow_account: LinodeApi) -> Api:
    """The slow account itself."""
    return connect(settings_for(slow_account))
