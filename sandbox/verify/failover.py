"""What the manager says of the failover job: whether it still runs, minute by minute, and ends well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import FAILOVER, KARMADA_NAMESPACE
from operations.claims import Claim
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.verify.member import View

LATEST: Final = timedelta(minutes=5)
"""A run has up to two minutes from the moment at which it is due (fleet/karmada/failover.py), and one may fail."""
_PAUSE_SECONDS: Final = 1.0
_WITHIN_SECONDS: Final = 120.0
"""A fleet that was stopped has its last run behind it, and its next one before it."""


def runs(manager: View) -> Claim:
    """The CronJob does what it is there for, as its viewer sees it. Raises CommandError."""
    namespace = f"--namespace={KARMADA_NAMESPACE}"
    return until(
        lambda: claim(manager.get("cronjob", FAILOVER, namespace), datetime.now(UTC)),
        enough=lambda found: found.holds,
        seconds=_WITHIN_SECONDS,
        every=_PAUSE_SECONDS,
    )


def claim(cron: Mapping[str, Any], now: datetime) -> Claim:
    """What follows from the CronJob."""
    status = cron.get("status", {})
    succeeded, since = status.get("lastSuccessfulTime"), cron["metadata"]["creationTimestamp"]
    if succeeded:
        evidence = f"the last time {_age(succeeded, now)} ago"
    elif status.get("active") or not status.get("lastScheduleTime"):
        evidence = f"not yet, {_age(since, now)} after it was made ({cron['spec']['schedule']})"
    else:
        since, evidence = None, "none of its runs has"
    latest = succeeded or since
    suspended = bool(cron["spec"].get("suspend"))
    return Claim(
        text="the failover job succeeds every minute",
        holds=not suspended and latest is not None and now - datetime.fromisoformat(latest) <= LATEST,
        evidence=f"{evidence}; its schedule is suspended" if suspended else evidence,
    )


def _age(then: str, now: datetime) -> str:
    seconds = int((now - datetime.fromisoformat(then)).total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
