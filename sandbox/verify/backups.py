"""What the manager says of Karmada's backups: whether each that was due was made, how old the newest is, how large."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fleet.naming import BACKUP, KARMADA_NAMESPACE
from operations.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.verify.member import View


def backed_up(manager: View) -> Claim:
    """The CronJob has done what it was to do; as its viewer sees it, without a key to the bucket.

    Raises CommandError.
    """
    namespace = f"--namespace={KARMADA_NAMESPACE}"
    cron = manager.get("cronjob", BACKUP, namespace)
    pods = manager.get("pods", namespace)["items"]
    return claim(cron, [pod for pod in pods if _is_backup(pod)], datetime.now(UTC))


def claim(cron: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], now: datetime) -> Claim:
    """What follows from the CronJob, and from the pods of its Jobs that are still there."""
    status = cron.get("status", {})
    due, made = _time(status.get("lastScheduleTime")), _time(status.get("lastSuccessfulTime"))
    on_time = due is None or (made is not None and made >= due) or bool(status.get("active"))
    if made is not None:
        evidence = f"the newest is {_age(now - made)} old{_size(pods)}"
    else:
        evidence = f"none was due yet ({cron['spec']['schedule']})" if due is None else "none was made"
    suspended = bool(cron["spec"].get("suspend"))
    return Claim(
        text="Karmada is backed up when it is due",
        holds=on_time and not suspended,
        evidence=f"{evidence}; its schedule is suspended" if suspended else evidence,
    )


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
