"""What counts as a Karmada that is backed up, by what the manager shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.verify.backups import claim

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DUE, LATER, EARLIER = "2026-11-24T03:17:00Z", "2026-11-24T03:18:10Z", "2026-11-23T03:18:10Z"


def cron(*, suspend: bool = False, **status: Any) -> dict[str, Any]:
    return {"spec": {"schedule": "17 3 * * *", "suspend": suspend}, "status": status}


def pod(finished: str, message: str | None, code: int = 0) -> dict[str, Any]:
    ended = {"exitCode": code, "finishedAt": finished} | ({"message": message} if message else {})
    return {"metadata": {}, "status": {"containerStatuses": [{"state": {"terminated": ended}}]}}


@pytest.mark.parametrize(
    ("found", "holds", "evidence"),
    [
        (cron(), True, "none was due yet (17 3 * * *)"),
        (cron(lastScheduleTime=DUE, lastSuccessfulTime=LATER), True, "the newest is 5 h old, 20 bytes"),
        (cron(lastSuccessfulTime="2026-11-24T08:30:00Z"), True, "the newest is 30 min old, 20 bytes"),
        (cron(lastScheduleTime=DUE, lastSuccessfulTime=EARLIER), False, "the newest is 29 h old, 20 bytes"),
        (cron(lastScheduleTime=DUE, lastSuccessfulTime=EARLIER, active=[{}]), True, "the newest is 29 h old, 20 bytes"),
        (cron(lastScheduleTime=DUE), False, "none was made"),
        (cron(suspend=True), False, "none was due yet (17 3 * * *); its schedule is suspended"),
    ],
)
def test_every_backup_that_was_due_was_made_or_is_being_made(found: dict[str, Any], holds: bool, evidence: str) -> None:
    pods = [pod(LATER, "20261124T031800Z 20\n"), pod(EARLIER, "20261123T031800Z 10\n"), pod(LATER, None, code=1)]
    made = claim(found, pods, NOW)
    assert (made.holds, made.evidence) == (holds, evidence)


def test_its_size_is_unknown_once_its_pod_is_gone() -> None:
    made = claim(cron(lastScheduleTime=DUE, lastSuccessfulTime=LATER), [], NOW)
    assert made.evidence == "the newest is 5 h old"
