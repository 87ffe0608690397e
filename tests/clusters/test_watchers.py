"""The kernel's limit that two fleets side by side run into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.host import watchers
from sandbox.clusters.host.watchers import WatchersExhaustedError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "max_user_instances"
    path.write_text("128\n")
    monkeypatch.setattr(watchers, "_LIMIT", path)
    monkeypatch.setattr(watchers, "in_use", lambda: 110)


@pytest.mark.usefixtures("limit")
def test_what_fits_is_let_through() -> None:
    watchers.require(18)


@pytest.mark.usefixtures("limit")
def test_what_does_not_fit_is_refused_with_the_figures_and_the_command() -> None:
    with pytest.raises(WatchersExhaustedError, match=r"110 of the kernel's 128 .* 19 more.*sysctl -w fs\.inotify"):
        watchers.require(19)
