"""What the engine's tests share: one folder of installed plugins for a test run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.plugins import install
from tests.plugins.engine import Stack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def plugin_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with every plugin that the CLI can be given."""
    home = tmp_path_factory.mktemp("pulumi-home")
    install(home)
    return home


@pytest.fixture
def stack(tmp_path: Path, plugin_home: Path) -> Stack:
    """A fresh stack."""
    return Stack(tmp_path, home=plugin_home)
