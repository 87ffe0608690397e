"""The only east-west gateway of a member ends.

Steady: every member's sleep is answered by every region, under constant calls from `eu`.
Done: the gateway's pods of `ap` are deleted without any grace.
Must hold: calls go to other regions; fewer fail than would have gone to `ap`; in the end none.
By: a new gateway is ready within 90 s, and `ap` answers within 3 minutes of that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests import article
from tests.e2e.clients import eventually
from tests.e2e.load import load
from tests.e2e.mesh_parts import everybody_answers, kill, ready, report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.verify.member import Member

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def test_calls_go_elsewhere_while_an_east_west_gateway_is_away_and_come_back(members: Mapping[str, Member]) -> None:
    eu, ap = members["eu"], members["ap"]
    with load(eu) as outcomes:
        time.sleep(2)
        killed = time.monotonic()
        ended = kill(ap, "istio-eastwestgateway")
        eventually(lambda: ready(ap, "istio-eastwestgateway", ended), "a new gateway is ready")
        eventually(lambda: ap.region in article.calls(eu, 10), "ap answers eu again", within_seconds=180)
        took = time.monotonic() - killed
    report("east-west gateway of ap killed", outcomes, took)
    assert outcomes.regions[eu.region] > 0
    assert len(outcomes.failed) < len(outcomes.calls) / 3, f"at most what would have gone to ap: {outcomes}"
    eventually(lambda: everybody_answers(eu, members), "nothing fails afterwards")
