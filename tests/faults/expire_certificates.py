"""Karmada's authorities and all that they signed are near their end.

Steady: all members report, with failover patient, since every agent connects anew.
Done: `pulumi up` with other lifetimes, which makes every certificate anew, as their renewal does.
Must hold: every claim about Karmada; no pod of a workload is another one.
By: all members report within 10 minutes of the update.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.outages import PATIENT, RENEWED, pods, wait_until_joined
from tests.e2e.running import wrong

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def test_authorities_and_all_that_they_signed_are_renewed_by_config_and_everything_reconnects(
    renewed_fleet: Fleet, tmp_path: Path
) -> None:
    before = pods(renewed_fleet.configured(karmada=PATIENT))
    begin = time.monotonic()
    said = renewed_fleet.up(certs=RENEWED, karmada=PATIENT)
    assert "replaced" in said
    print(f"the renewal took {time.monotonic() - begin:.0f} s")
    wait_until_joined(renewed_fleet, begin, "the renewal began")
    assert wrong(renewed_fleet, tmp_path) == []
    assert pods(renewed_fleet) == before, "what runs in members goes on"
