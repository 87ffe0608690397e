"""`pulumi destroy`, after everything else: the fleet of the other tests is gone then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients import Account

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged


def test_destroy_leaves_nothing_that_costs_money(ending_fleet: Fleet, tmp_path: Path) -> None:
    account = Account(layout=ending_fleet.layout, folder=tmp_path)
    assert "volumes" in account.left(), "etcd has one"
    ending_fleet.stack.destroy()
    # At once: the storage driver, which deletes volumes, is gone with its cluster.
    assert account.left() == {}
