"""Members report to a Karmada that came back, before it may act on their silence."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import urllib3
from kubernetes.client import ApiException

from fleet.naming import KARMADA_NAMESPACE
from operations.errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from operations.karmada.apis import Karmada

LIMIT_SECONDS: Final = 600.0
"""An agent that lost Karmada ends, and kubelet starts it again after pauses of up to five minutes."""
_PAUSE_SECONDS: Final = 3.0
_AGENT: Final = f"kubectl --namespace {KARMADA_NAMESPACE} rollout restart deployment karmada-agent"


def wait_for_reports(karmada: Karmada, lost: Collection[str], *, say: Callable[[str], None]) -> None:
    """Return when the agent of every member has renewed its lease, those of `lost` members apart.

    A snapshot has leases too, so one counts when it changes. Clocks are not compared.

    Raises:
        OperationError: some agents have not reported after minutes.

    """
    deadline = time.monotonic() + LIMIT_SECONDS
    first: dict[str, Any] | None = None
    waiting: set[str] = set()
    while time.monotonic() < deadline:
        now = _renewals(karmada)
        if now is not None and first is None:
            first = now
            waiting = first.keys() - lost
            if waiting:
                say(f"waiting for {', '.join(sorted(waiting))}, up to minutes; sooner by `{_AGENT}` in a member")
        elif now is not None and first is not None:
            reported = {name for name in waiting if now.get(name) != first[name]}
            waiting -= reported
            for name in sorted(reported):
                say(f"{name}: reports")
        if first is not None and not waiting:
            return
        time.sleep(_PAUSE_SECONDS)
    raise OperationError(
        what="Karmada's controllers are not started",
        why=f"after {LIMIT_SECONDS:.0f} s no agent reports from {', '.join(sorted(waiting)) or 'any member'}, and the "
        "controllers would move what runs there to other members",
        remedy="See to the agents and run again, or name members that are lost with --lost",
    )


def _renewals(karmada: Karmada) -> dict[str, Any] | None:
    """Who has renewed when; None while Karmada cannot say, as its API servers have just been started."""
    try:
        return karmada.renewals()
    except (ApiException, OSError, urllib3.exceptions.HTTPError):
        return None
