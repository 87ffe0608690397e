"""What counts as a failover job that runs, by what the manager shows of its CronJob."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.verify.failover import claim

NOW = datetime(2026, 11, 24, 9, 0, 10, tzinfo=UTC)
JUST_NOW, LONG_AGO, DUE = "2026-11-24T08:59:10Z", "2026-11-24T08:54:00Z", "2026-11-24T09:00:00Z"


def cron(made: str = LONG_AGO, *, suspend: bool = False, **status: Any) -> dict[str, Any]:
    spec = {"schedule": "* * * * *", "suspend": suspend}
    return {"metadata": {"creationTimestamp": made}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("found", "holds", "evidence"),
    [
        (cron(lastScheduleTime=DUE, lastSuccessfulTime=JUST_NOW), True, "the last time 60 s ago"),
        (cron(lastScheduleTime=DUE, lastSuccessfulTime=LONG_AGO), False, "the last time 6 min ago"),
        (
            cron(lastScheduleTime=DUE, lastSuccessfulTime=LONG_AGO, active=[{}]),
            False,
            "the last time 6 min ago",
        ),
        (cron(JUST_NOW), True, "not yet, 60 s after it was made (* * * * *)"),
        (
            cron(JUST_NOW, lastScheduleTime=DUE, active=[{}]),
            True,
            "not yet, 60 s after it was made (* * * * *)",
        ),
        (cron(LONG_AGO), False, "not yet, 6 min after it was made (* * * * *)"),
        (cron(JUST_NOW, lastScheduleTime=DUE), False, "none of its runs has"),
        (
            cron(lastSuccessfulTime=JUST_NOW, suspend=True),
            False,
            "the last time 60 s ago; its schedule is suspended",
        ),
    ],
    ids=[
        "it runs",
        "it fails by now",
        "each run is cut off",
        "nothing was due yet",
        "the first one runs",
        "nobody starts it",
        "the first one failed",
        "it is suspended",
    ],
)
def test_a_failover_job_has_succeeded_within_five_minutes_or_is_newer_than_that(
    found: dict[str, Any], holds: bool, evidence: str
) -> None:
    made = claim(found, NOW)
    assert (made.holds, made.evidence) == (holds, evidence)
