"""The only east-west gateway of a member is replaced, as an update of its release does.

Steady: every member's sleep is answered by every region; ten callers in `eu` have calls of three seconds, one after the
other over connections that are kept.
Done: `kubectl rollout restart` of the gateway of `ap`.
Must hold: no call fails.
By: the new gateway has taken over within 2 minutes, and the calls end after half a minute.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.article import CALLER
from tests.e2e.mesh_parts import IN_ISTIO_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.verify.member import Member

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def slow_calls(member: Member) -> list[str]:
    """The status of calls of three seconds each: ten callers' ten, one after the other over kept connections."""
    fetch = r"curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}\n' 'hello:5000/delay/3?[1-10]'"
    return member.shell(CALLER, f"for caller in $(seq 10); do {fetch} & done; wait", timeout_seconds=120.0).split()


def test_no_call_is_cut_off_when_an_east_west_gateway_is_replaced(members: Mapping[str, Member]) -> None:
    eu, ap = members["eu"], members["ap"]
    with ThreadPoolExecutor(max_workers=1) as pool:
        calling = pool.submit(slow_calls, eu)
        time.sleep(5)
        ap.kubectl("rollout", "restart", "deployment/istio-eastwestgateway", IN_ISTIO_SYSTEM)
        ap.kubectl("rollout", "status", "deployment/istio-eastwestgateway", IN_ISTIO_SYSTEM, "--timeout=120s")
        codes = calling.result()
    print(f"\neast-west gateway of ap replaced under calls of three seconds: {Counter(codes)}")
    assert Counter(codes) == {"200": 100}
