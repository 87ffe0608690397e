"""`pulumi destroy`, after everything else: the fleet of the other tests is gone then."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.clients import AccountClient, eventually

if TYPE_CHECKING:
    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

USERS: Final = [Path(__file__).with_name(name).read_text() for name in ("tenants.yaml", "billed.yaml")]
"""What users have submitted to Karmada: in us, a StatefulSet whose claim goes with it, and a load balancer."""


def has_one_more(account: AccountClient, kind: str, before: dict[str, list[str]]) -> bool:
    """Whether the account pays for one more of a kind than before."""
    return len(account.left()[kind]) == len(before[kind]) + 1


def test_destroy_leaves_nothing_that_costs_money(ending_fleet: Fleet, tmp_path: Path) -> None:
    account = AccountClient(layout=ending_fleet.layout, folder=tmp_path)
    own = account.left()
    assert "volumes" in own, "etcd has one"
    for objects in USERS:
        ending_fleet.karmada.kubectl("apply", "--filename=-", stdin=objects)
    for kind, what in (("volumes", "the ledger has a volume"), ("nodebalancers", "the shop has a load balancer")):
        eventually(partial(has_one_more, account, kind, own), what)
    ledger = "the ledger runs, so its volume is in use"
    eventually(lambda: ending_fleet.members["us"].running("tenant-ledger") != [], ledger, within_seconds=180)
    begin = time.monotonic()
    ending_fleet.stack.destroy()
    print(f"\npulumi destroy: {time.monotonic() - begin:.1f} s")
    # At once: the storage driver, which deletes volumes, is gone with its cluster.
    assert account.left() == {}
