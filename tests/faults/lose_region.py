"""A member is lost with all its nodes, and comes back.

Steady: every region runs one replica of hello, sleep and a tenant's Deployment; a tenant's StatefulSet runs in `us`.
Done: the only machine of `us` is switched off through Linode's API, and booted once all that may move has moved.
Must hold: replicas run elsewhere and come home; what holds data is nowhere else meanwhile, and on its claim afterwards.
By: Karmada misses the member within 2 minutes; replicas run elsewhere within 5 more, and come home within 5 after it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients import AccountClient, eventually
from tests.e2e.outages import (
    AT_HOME,
    LEDGER,
    MOVING,
    by_member,
    cluster_id,
    joined,
    lives,
    wait_until_joined,
)
from tests.e2e.running import hello_by_member

if TYPE_CHECKING:
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


@pytest.mark.usefixtures("tenants")
def test_a_lost_region_s_replicas_run_elsewhere_and_come_home_when_it_returns_and_data_stays(
    ending_fleet: Fleet, account: AccountClient
) -> None:
    fleet = ending_fleet.configured()
    members = fleet.members
    eventually(lambda: hello_by_member(members) == AT_HOME, "every region runs one")
    ledger = lives(members)
    assert set(ledger) == {"us"}
    lost_cluster = cluster_id(account, "us")
    machines = account.call("GET", "linode/instances")["data"]
    [machine] = [machine["id"] for machine in machines if machine["lke_cluster_id"] == lost_cluster]
    elsewhere = {name: member for name, member in members.items() if name != "us"}

    account.call("POST", f"linode/instances/{machine}/shutdown")
    lost = time.monotonic()
    eventually(lambda: not joined(fleet), "Karmada misses the member", within_seconds=120)
    print(f"missed after {time.monotonic() - lost:.0f} s")
    moved = "all that may move runs elsewhere"
    eventually(lambda: all(sum(by_member(elsewhere, app).values()) == 3 for app in MOVING), moved, within_seconds=300)
    print(f"replicas moved after {time.monotonic() - lost:.0f} s")
    # Whatever else were to move would have moved in the same minute.
    time.sleep(60)
    assert lives(elsewhere) == {}, "a StatefulSet has no second life"

    account.call("POST", f"linode/instances/{machine}/boot")
    back = time.monotonic()
    wait_until_joined(fleet, back, "the node was booted")
    home = "every region runs one of each again"
    eventually(lambda: all(by_member(members, app) == AT_HOME for app in MOVING), home, within_seconds=300)
    print(f"replicas home {time.monotonic() - back:.0f} s after the node was booted")
    eventually(lambda: len(members["us"].running(LEDGER)) == 1, "the ledger runs in us")
    assert set(lives(members)) == {"us"}
    assert set(ledger["us"]) & set(lives(members)["us"]), "on the claim that it had"
    marked = fleet.karmada.view.get("resourcebindings.work.karmada.io", "--all-namespaces", "--selector=fleet/evicted")
    assert marked["items"] == [], "nothing waits to come home"
