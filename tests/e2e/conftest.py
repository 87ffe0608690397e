"""A sandbox for the tests that need root: a name of its own, two clusters, always taken down."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sandbox.kubernetes import lifecycle
from sandbox.kubernetes.layout import Layout
from tests.e2e.clients import Account, Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def _root() -> None:
    assert os.geteuid() == 0, "the privileged tests need root; run them by `sudo make e2e`"


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    """A sandbox that is up."""
    layout = Layout("e2e")
    lifecycle.down(layout)
    try:
        lifecycle.up(layout, say=print)
        yield layout
    finally:
        lifecycle.down(layout)


@pytest.fixture(scope="module")
def account(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """The emulated account of the sandbox."""
    folder: Path = tmp_path_factory.mktemp("kubeconfigs")
    return Account(layout=layout, folder=folder)


@pytest.fixture(scope="module")
def pair(account: Account) -> tuple[Cluster, Cluster]:
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
