"""The manager's only node is replaced by another one.

Steady: all members report to Karmada at the manager's node, or at a load balancer.
Done: the node is recycled through Linode's API.
Must hold: agents come back, at the load balancer by themselves and at the node by `pulumi up`; then every claim about
Karmada; and no pod of a workload is another one.
By: within 10 minutes of the new node being ready, or of the update's beginning.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.host.subprocesses import CommandError
from tests.e2e.outages import BY_LOAD_BALANCER, PATIENT, RENEWED, pods, recycle_manager, wait_until_joined
from tests.e2e.running import wrong

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.clients import AccountClient
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def test_by_node_an_update_leads_agents_to_the_managers_new_node(
    renewed_fleet: Fleet, account: AccountClient, tmp_path: Path
) -> None:
    fleet = renewed_fleet.configured(certs=RENEWED, karmada=PATIENT)
    endpoint, before = fleet.outputs["karmadaEndpoint"], pods(fleet)
    recycle_manager(account)
    with pytest.raises(CommandError):
        fleet.karmada.kubectl("get", "clusters", "--request-timeout=5s")
    begin = time.monotonic()
    fleet.up(certs=RENEWED, karmada=PATIENT)
    print(f"the update took {time.monotonic() - begin:.0f} s")
    assert fleet.outputs["karmadaEndpoint"] != endpoint
    wait_until_joined(fleet, begin, "the update began")
    assert wrong(fleet, tmp_path) == []
    assert pods(fleet) == before, "what runs in members goes on"


def test_by_load_balancer_agents_reconnect_by_themselves(
    renewed_fleet: Fleet, account: AccountClient, tmp_path: Path
) -> None:
    begin = time.monotonic()
    fleet = renewed_fleet.configured(certs=RENEWED, karmada=BY_LOAD_BALANCER)
    wait_until_joined(fleet, begin, "the update to the load balancer began")
    before = pods(fleet)
    recycle_manager(account)
    begin = time.monotonic()
    wait_until_joined(fleet, begin, "the manager's new node was ready")
    assert wrong(fleet, tmp_path) == []
    assert pods(fleet) == before, "what runs in members goes on"
