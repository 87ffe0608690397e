"""What Karmada says of its members, second by second, and when their agents reported."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Final, Self

from fleet.naming import KARMADA_CLUSTER_NAMESPACE
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.verify.karmada import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sandbox.verify.member import View

PAUSE_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 10.0
"""How often an agent reports (--cluster-status-update-frequency), and renews its lease."""

Look = tuple[float, "Mapping[str, str] | None"]
"""When, and the condition Ready of each member; None where Karmada could not be asked."""


def unready_seconds(looks: Sequence[Look], members: Iterable[str]) -> dict[str, float]:
    """For how long each member was not Ready, or not there: from the look that says so to the next that tells.

    Where Karmada could not be asked, what it had said last counts on.
    """
    told = [(at, ready) for at, ready in looks if ready is not None]
    seconds = dict.fromkeys(members, 0.0)
    for (at, ready), (until, _) in itertools.pairwise([*told, (looks[-1][0], {})] if looks else []):
        for name in seconds:
            if ready.get(name) != "True":
                # Nobody knows better than to a second, so that one look is one second.
                seconds[name] += max(until - at, PAUSE_SECONDS)
    return seconds


def silent_seconds(looks: Sequence[Look]) -> float:
    """For how long Karmada could not be asked, at the longest."""
    longest, since = 0.0, None
    for at, ready in looks:
        if ready is None:
            since = at if since is None else since
            longest = max(longest, at - since + PAUSE_SECONDS)
        else:
            since = None
    return longest


def longest_pause(renewals: Iterable[datetime]) -> float:
    """The seconds between two reports that were farthest apart; without two of them nobody knows."""
    pauses = ((until - at).total_seconds() for at, until in itertools.pairwise(sorted(renewals)))
    return max(pauses, default=math.inf)


def longest_look(looks: Sequence[Look]) -> float:
    """The seconds between two looks that were farthest apart."""
    return max((until - at for (at, _), (until, _) in itertools.pairwise(looks)), default=math.inf)


class Readiness:
    """Looks at Karmada's members once a second, for as long as the context is open."""

    def __init__(self, karmada: View, *, say: Callable[[str], None]) -> None:
        self.looks: list[Look] = []
        self.renewals: dict[str, set[datetime]] = {}
        """When each member's agent renewed its lease, by its own clock."""
        self._karmada = karmada
        self._say = say
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="readiness", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ending.wait(PAUSE_SECONDS):
            at = time.monotonic()
            try:
                ready = {name: condition for name, (_, condition) in joined(self._karmada).items()}
            except CommandError:
                self._note(at, None)
            else:
                self._note(at, ready)
            # At every look: on a busy machine one takes seconds, and a report between two is never seen.
            self._note_reports()

    def _note(self, at: float, ready: Mapping[str, str] | None) -> None:
        last = self.looks[-1][1] if self.looks else ready
        if ready != last:
            self._say(f"Karmada says of its members: {ready}" if ready is not None else "Karmada cannot be asked")
        self.looks.append((at, ready))

    def _note_reports(self) -> None:
        with contextlib.suppress(CommandError):
            leases = self._karmada.get("leases.coordination.k8s.io", f"--namespace={KARMADA_CLUSTER_NAMESPACE}")
            for lease in leases["items"]:
                renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
                self.renewals.setdefault(lease["metadata"]["name"], set()).add(renewed)
