"""An S3 server for each test, and the whole of moto emptied after it; and a manager's API server for each module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto.backends import get_backend

from sandbox.plugins import install
from tests.operations.s3 import FaultyS3
from tests.plugins.kubernetes.control_plane import ControlPlane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def s3() -> Iterator[FaultyS3]:
    """Moto's S3, which can be told to fail."""
    with FaultyS3() as running:
        yield running
    get_backend("s3").reset()


@pytest.fixture(scope="module")
def bare_manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a manager with nothing in it: a real API server without controllers or nodes."""
    folder = tmp_path_factory.mktemp("manager")
    with ControlPlane(folder) as running:
        file = folder / "kubeconfig"
        file.write_text(running.kubeconfig)
        yield file


@pytest.fixture(scope="session")
def plugin_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with every plugin that the CLI can be given."""
    home = tmp_path_factory.mktemp("pulumi-home")
    install(home)
    return home
