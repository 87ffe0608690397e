"""The only istiod of a member ends.

Steady: every member's sleep is answered by every region, under constant calls from `eu`.
Done: istiod's pods of `eu` are deleted without any grace.
Must hold: no call fails.
By: at once; a new istiod is ready within 90 s.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients import eventually
from tests.e2e.load import load
from tests.e2e.mesh_parts import kill, ready, report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.verify.member import Member

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def test_no_call_fails_while_an_istiod_is_away(members: Mapping[str, Member]) -> None:
    eu = members["eu"]
    with load(eu) as outcomes:
        time.sleep(2)
        killed = time.monotonic()
        ended = kill(eu, "istiod")
        eventually(lambda: ready(eu, "istiod", ended), "a new istiod is ready")
        took = time.monotonic() - killed
        time.sleep(3)
    report("istiod of eu killed", outcomes, took)
    assert not outcomes.failed, outcomes
    assert len(outcomes.calls) > 20
