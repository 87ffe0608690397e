"""The only node of a member fails, and boots again.

Steady: every member's sleep is answered by every region, under constant calls from `eu`.
Done: the first process of the node of `ap` is killed.
Must hold: fewer calls fail than would have gone to `ap`; in the end none.
By: `ap` answers again within 4 minutes, and everybody is answered from everywhere within 2 more.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.node.machine import Machine
from tests import article
from tests.e2e.clients import eventually
from tests.e2e.load import load
from tests.e2e.mesh_parts import everybody_answers, report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.verify.member import Member

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def test_a_lost_region_costs_few_calls_and_comes_back(members: Mapping[str, Member]) -> None:
    eu, ap = members["eu"], members["ap"]
    [node] = [node["metadata"]["name"] for node in ap.get("nodes")["items"]]
    init = Machine(layout=ap.layout, name=node, folder=ap.layout.root, tools={}).first_process()
    assert init is not None
    with load(eu) as outcomes:
        time.sleep(2)
        killed = time.monotonic()
        os.kill(init, signal.SIGKILL)
        eventually(lambda: ap.region in article.calls(eu, 10), "ap answers eu again", within_seconds=240)
        took = time.monotonic() - killed
    report("the only node of ap killed", outcomes, took)
    assert len(outcomes.failed) < len(outcomes.calls) / 3, f"at most what would have gone to ap: {outcomes}"
    eventually(lambda: everybody_answers(eu, members), "nothing fails afterwards", within_seconds=120)
