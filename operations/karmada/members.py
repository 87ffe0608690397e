"""Members report to a Karmada that came back, before it may act on their silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import urllib3
from kubernetes.client import ApiException

from fleet.naming import AGENT, KARMADA_NAMESPACE
from operations.errors import OperationError
from operations.waiting import holds_within

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from operations.karmada.apis import Karmada

LIMIT_SECONDS: Final = 600.0
"""An agent that lost Karmada ends, and kubelet starts it again after pauses of up to five minutes."""
_PAUSE_SECONDS: Final = 3.0
_AGENT: Final = f"kubectl --namespace {KARMADA_NAMESPACE} rollout restart deployment {AGENT}"


def wait_for_reports(karmada: Karmada, lost: Collection[str], *, say: Callable[[str], None]) -> None:
    """Return when the agent of every member has renewed its lease, those of `lost` members apart.

    A snapshot has leases too, so one counts when it changes. Clocks are not compared.

    Raises:
        OperationError: some agents have not reported after minutes.

    """
    reports = _Reports(karmada, lost, say)
    if not holds_within(reports.complete, seconds=LIMIT_SECONDS, pause_seconds=_PAUSE_SECONDS):
        silent = ", ".join(sorted(reports.missing)) or "any member"
        raise OperationError(
            what="Karmada's controllers are not started",
            why=f"after {LIMIT_SECONDS:.0f} s no agent reports from {silent}, and the controllers would move what runs "
            "there to other members",
            remedy="See to the agents and run again, or name members that are lost with --lost",
        )


class _Reports:
    """Who has renewed a lease since Karmada was first heard, and who is `missing`."""

    def __init__(self, karmada: Karmada, lost: Collection[str], say: Callable[[str], None]) -> None:
        self._karmada, self._lost, self._say = karmada, lost, say
        self._first: dict[str, Any] | None = None
        self.missing: set[str] = set()

    def complete(self) -> bool:
        """Look again; whether nobody is missing any more."""
        now = _renewals(self._karmada)
        if now is None:
            return False
        if self._first is None:
            self._first = now
            self._begin(now)
        for name in sorted(self.missing):
            if now.get(name) != self._first[name]:
                self.missing.remove(name)
                self._say(f"{name}: reports")
        return not self.missing

    def _begin(self, first: dict[str, Any]) -> None:
        self.missing = first.keys() - self._lost
        if self.missing:
            names = ", ".join(sorted(self.missing))
            self._say(f"waiting for {names}, up to minutes; sooner by `{_AGENT}` in a member")


def _renewals(karmada: Karmada) -> dict[str, Any] | None:
    """Who has renewed when; None while Karmada cannot say, as its API servers have just been started."""
    try:
        return karmada.renewals()
    except (ApiException, OSError, urllib3.exceptions.HTTPError):
        return None
