"""What is seen of Karmada's backups: how old the newest is, how large, and that its bucket has something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import BACKUP, KARMADA_NAMESPACE
from operations.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.verify.member import View

_REMEDY: Final = "`python -m operations karmada backup` makes one"


def backed_up(outputs: Mapping[str, Any], manager: View, ask: Callable[[str], Any]) -> Claim:
    """The CronJob has done what it was to do, and the bucket is there, as `ask` tells: what the API has below /v4.

    What is in the bucket is not listed: that takes a key to it, and who verifies makes none.

    Raises CommandError.
    """
    namespace = f"--namespace={KARMADA_NAMESPACE}"
    cron = manager.get("cronjob", BACKUP, namespace)
    pods = manager.get("pods", namespace)["items"]
    place = outputs["backups"]
    buckets = ask("object-storage/buckets?page_size=500")["data"]
    objects = sum(
        one["objects"] for one in buckets if (one["region"], one["label"]) == (place["region"], place["bucket"])
    )
    return claim(cron, [pod for pod in pods if _is_backup(pod)], objects, datetime.now(UTC))


def claim(cron: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], objects: int, now: datetime) -> Claim:
    """What follows from the CronJob, from the pods of its Jobs that are still there, and from the bucket's objects."""
    status, spec = cron.get("status", {}), cron["spec"]
    due, made = _time(status.get("lastScheduleTime")), _time(status.get("lastSuccessfulTime"))
    # A run that was missed by more than its starting deadline leaves `due` where it was.
    since = now - (made or datetime.fromisoformat(cron["metadata"]["creationTimestamp"]))
    wrong = []
    if not status.get("active"):
        if since > longest(spec["schedule"]) + timedelta(seconds=spec["startingDeadlineSeconds"]):
            wrong.append(f"older than its schedule allows ({spec['schedule']}): {_REMEDY}" if made else _REMEDY)
        elif due is not None and (made is None or made < due):
            wrong.append(f"the one that was due {_age(now - due)} ago was not made: {_REMEDY}")
    if made and not objects:
        wrong.append(f"its bucket is empty or gone: `pulumi up --refresh` makes one that is gone, and then {_REMEDY}")
    if spec.get("suspend"):
        wrong.append("its schedule is suspended")
    if made is not None:
        evidence = f"the newest is {_age(now - made)} old{_size(pods)}"
    else:
        evidence = f"none was due yet ({spec['schedule']})" if due is None and not wrong else "none was made"
    return Claim(text="Karmada is backed up when it is due", holds=not wrong, evidence="; ".join([evidence, *wrong]))


def longest(schedule: str) -> timedelta:
    """More than which no two runs are apart, by which of cron's fields are `*`: the minute and hour are within a day.

    Nothing here says when the next run is, which only Kubernetes' own reading of a schedule does.
    """
    _, _, day, month, weekday = schedule.split()
    if month != "*":
        return timedelta(days=366)  # But for a 29 February, of which nobody makes a schedule.
    if day != "*":
        return timedelta(days=62)  # From one 31st to the next.
    return timedelta(days=1 if weekday == "*" else 7)


def _is_backup(pod: Mapping[str, Any]) -> bool:
    return str(pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name", "")).startswith(BACKUP)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _age(age: Any) -> str:
    minutes = int(age.total_seconds()) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _size(pods: Sequence[Mapping[str, Any]]) -> str:
    """What the newest pod that succeeded has said of the backup's size; nothing where it is gone."""
    said = [
        (ended["finishedAt"], ended["message"].split())
        for pod in pods
        for container in pod["status"].get("containerStatuses", ())
        if (ended := container.get("state", {}).get("terminated")) and ended["exitCode"] == 0 and ended.get("message")
    ]
    return f", {max(said)[1][-1]} bytes" if said else ""
