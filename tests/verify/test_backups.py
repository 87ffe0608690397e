"""What counts as a Karmada that is backed up, by what the manager and the account show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.clusters.host.layout import Layout
from sandbox.verify.backups import backed_up, claim, longest
from sandbox.verify.member import View

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DUE, LATER, EARLIER = "2026-11-24T03:17:00Z", "2026-11-24T03:18:10Z", "2026-11-23T03:18:10Z"
MADE: dict[str, Any] = {"lastScheduleTime": DUE, "lastSuccessfulTime": LATER}
REMEDY = "`python -m operations karmada backup` makes one"
STALE = f"older than its schedule allows (17 3 * * *): {REMEDY}"


def cron(
    *, suspend: bool = False, created: str = "2026-11-23T12:00:00Z", schedule: str = "17 3 * * *", **status: Any
) -> dict[str, Any]:
    spec = {"schedule": schedule, "suspend": suspend, "startingDeadlineSeconds": 6 * 3600}
    return {"metadata": {"creationTimestamp": created}, "spec": spec, "status": status}


def pod(finished: str, message: str | None, code: int = 0) -> dict[str, Any]:
    ended = {"exitCode": code, "finishedAt": finished} | ({"message": message} if message else {})
    return {"metadata": {}, "status": {"containerStatuses": [{"state": {"terminated": ended}}]}}


@pytest.mark.parametrize(
    ("found", "holds", "evidence"),
    [
        (cron(), True, "none was due yet (17 3 * * *)"),
        (cron(created="2026-11-23T02:00:00Z"), False, f"none was made; {REMEDY}"),
        (cron(**MADE), True, "the newest is 5 h old, 20 bytes"),
        (cron(lastSuccessfulTime="2026-11-24T08:30:00Z"), True, "the newest is 30 min old, 20 bytes"),
        (
            cron(lastScheduleTime=DUE, lastSuccessfulTime=EARLIER),
            False,
            f"the newest is 29 h old, 20 bytes; the one that was due 5 h ago was not made: {REMEDY}",
        ),
        (cron(lastScheduleTime=DUE, lastSuccessfulTime=EARLIER, active=[{}]), True, "the newest is 29 h old, 20 bytes"),
        (cron(lastScheduleTime=DUE), False, f"none was made; the one that was due 5 h ago was not made: {REMEDY}"),
        (cron(suspend=True), False, "none was made; its schedule is suspended"),
    ],
)
def test_every_backup_that_was_due_was_made_or_is_being_made(found: dict[str, Any], holds: bool, evidence: str) -> None:
    pods = [pod(LATER, "20261124T031800Z 20\n"), pod(EARLIER, "20261123T031800Z 10\n"), pod(LATER, None, code=1)]
    made = claim(found, pods, 1, NOW)
    assert (made.holds, made.evidence) == (holds, evidence)


def test_a_newest_one_that_is_older_than_the_schedule_allows_is_found_though_kubernetes_counts_nothing_as_due() -> None:
    # The schedule was away for longer than a run may start late: Kubernetes moves on, and lastScheduleTime stays.
    within = claim(cron(**MADE), [], 1, datetime(2026, 11, 25, 9, 18, tzinfo=UTC))
    after = claim(cron(**MADE), [], 1, datetime(2026, 11, 25, 9, 19, tzinfo=UTC))
    assert (within.holds, after.holds) == (True, False)
    assert after.evidence == f"the newest is 30 h old; {STALE}"
    assert claim(cron(**MADE, active=[{}]), [], 1, NOW + timedelta(days=20)).holds, "one is being made"


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        ("17 3 * * *", 1),
        ("*/30 * * * *", 1),
        ("0 0,12 * * *", 1),
        ("17 3 * * 1", 7),
        ("17 3 * * MON-FRI", 7),
        ("17 3 31 * *", 62),
        ("17 3 1 1,7 *", 366),
    ],
)
def test_no_two_runs_of_a_schedule_are_further_apart(schedule: str, days: int) -> None:
    assert longest(schedule) == timedelta(days=days)


def test_a_bucket_that_was_emptied_or_deleted_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    manager = View(name="hub", kubeconfig=tmp_path, layout=Layout("any"))
    made = cron(**MADE | {"lastSuccessfulTime": datetime.now(UTC).isoformat()})
    monkeypatch.setattr(View, "get", lambda _self, *what: made if what[0] == "cronjob" else {"items": []})

    def found(*buckets: tuple[str, str, int]) -> bool:
        data = [{"region": region, "label": label, "objects": objects} for region, label, objects in buckets]
        outputs = {"backups": {"region": "us-east", "bucket": "backups"}}
        return backed_up(outputs, manager, lambda _path: {"data": data}).holds

    assert found(("us-east", "backups", 1))
    assert not found(("us-east", "backups", 0))
    assert not found(("us-east", "other", 1), ("eu-west", "backups", 1))


def test_its_size_is_unknown_once_its_pod_is_gone() -> None:
    assert claim(cron(**MADE), [], 1, NOW).evidence == "the newest is 5 h old"
