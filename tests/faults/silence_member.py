"""A member's agent is silent for a minute, as on a bad link, and reports again.

Steady: the fleet with the toleration of production, and tenants, a Deployment and a StatefulSet with plain policies.
Done: the agent of `us` is stopped; the member's pods run on. It is started again 60 s later.
Must hold: Karmada misses the member, and no placement changes and no pod of anybody's is another one.
By: from the first second until two minutes after all members report again, in which the failover's job runs twice.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from fleet.naming import KARMADA_NAMESPACE
from tests.e2e.clients import eventually
from tests.e2e.outages import LEDGER, MOVING, joined, pods, wait_until_joined

if TYPE_CHECKING:
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

AS_IN_PRODUCTION: Final = {"failover": {"tolerationSeconds": 300}}


@pytest.mark.usefixtures("tenants")
def test_a_member_that_is_silent_for_a_minute_moves_nothing_of_anybody_s(ending_fleet: Fleet) -> None:
    """With the toleration that production has, and the agent stopped, so that the member's pods run on."""
    fleet = ending_fleet.configured(karmada=AS_IN_PRODUCTION)
    us = fleet.members["us"]
    before = pods(fleet, *MOVING, LEDGER)
    bindings = placements(fleet)
    in_agents = ("deployment", "--all", f"--namespace={KARMADA_NAMESPACE}")
    us.kubectl("scale", *in_agents, "--replicas=0")
    silent = time.monotonic()
    eventually(lambda: not joined(fleet), "Karmada misses the member", within_seconds=120)
    time.sleep(max(0.0, silent + 60 - time.monotonic()))
    us.kubectl("scale", *in_agents, "--replicas=1")
    wait_until_joined(fleet, silent, "the agent was stopped")
    # The job has run twice since then, while the member was silent and after its return.
    for _ in range(4):
        time.sleep(30)
        assert placements(fleet) == bindings
        assert pods(fleet, *MOVING, LEDGER) == before


def placements(fleet: Fleet) -> dict[str, object]:
    """Where Karmada has placed everything, and what it is moving."""
    items = fleet.karmada.view.get("resourcebindings.work.karmada.io", "--all-namespaces")["items"]
    return {
        item["metadata"]["name"]: (item["spec"].get("clusters"), item["spec"].get("gracefulEvictionTasks"))
        for item in items
    }
