"""An update has hosts that istiod refuses, beside another change.

Steady: a fleet that an update leaves unchanged.
Done: `pulumi up` with another node in the pool of `us`, and hosts of the ingress with a scheme and a port in them.
Must hold: it names each host with what to write instead, and changes nothing: the pool has the node that it had.
By: before anything is registered, and so within a minute; a webhook would refuse when a pool has changed already.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.outages import cluster_id

if TYPE_CHECKING:
    from tests.e2e.clients import AccountClient
    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

HOSTS: Final = ["http://a.example", "b.example:80"]
MORE_NODES: Final = {"us": {"pools": {"main": {"count": 2}}}}
TOLD_WITHIN_SECONDS: Final = 60.0


def test_what_is_certain_to_be_refused_is_found_before_anything_changes(fleet: Fleet, account: AccountClient) -> None:
    sections = fleet.configured().sections
    pools = f"lke/clusters/{cluster_id(account, 'us')}/pools"
    before = account.call("GET", pools)["data"]
    begun = time.monotonic()
    with pytest.raises(AssertionError) as caught:
        fleet.stack.up(**sections, workloads={"hello": {"ingress": {"hosts": HOSTS}}}, clusters=MORE_NODES)
    assert time.monotonic() - begun < TOLD_WITHIN_SECONDS
    said = str(caught.value)
    assert "2 errors in the stack's config; nothing was changed" in said
    assert "write 'a.example'" in said
    assert "write 'b.example'" in said
    assert account.call("GET", pools)["data"] == before
    assert fleet.stack.changes(**sections) == {}, "an update of the config before finds nothing to do"
