"""What a look at a registry or a repository comes to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fleet.versions import ChartPin, ImagePin

if TYPE_CHECKING:
    from collections.abc import Sequence


class State(enum.Enum):
    """Whether something is published."""

    THERE = "there"
    MISSING = "missing"
    UNASKED = "unasked"
    """What answers does not answer this question now: it may be there."""
    SILENT = "silent"
    """Nobody answers."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is known of one pin."""

    pin: ImagePin | ChartPin
    state: State
    why: str = ""

    def sentence(self) -> str:
        """The finding, for who reads a list of them."""
        if self.state is State.THERE:
            return f"{self.pin} is there"
        if self.state in (State.UNASKED, State.SILENT):
            return f"{self.pin} could not be asked for: {self.why}"
        return (
            f"{self.pin} is not to be had: {self.why}. It came out on {self.pin.released} ({self.pin.source}): look "
            "there for where it went, and for a newer one"
        )


def host(pin: ImagePin | ChartPin) -> str:
    """Who has to answer for a pin."""
    return pin.registry if isinstance(pin, ImagePin) else urlsplit(pin.repository).netloc


def switched_off(findings: Sequence[Finding]) -> list[str]:
    """The hosts that answer for none of their pins while others answer: so looks a place that was switched off.

    Where no host answers at all, the silence says something of whoever asks, and nothing of them.
    """
    answering = {host(finding.pin) for finding in findings if finding.state is not State.SILENT}
    silent = {host(finding.pin) for finding in findings} - answering
    return sorted(silent) if answering else []


def verdict(findings: Sequence[Finding]) -> str:
    """All findings in a sentence."""
    counts = {state: sum(finding.state is state for finding in findings) for state in State}
    parts = [f"{counts[State.THERE]} of {len(findings)} pinned images and charts are there"]
    if counts[State.MISSING]:
        parts.append(f"{counts[State.MISSING]} are not to be had")
    if unasked := counts[State.UNASKED] + counts[State.SILENT]:
        parts.append(f"{unasked} could not be asked for from here")
    if hosts := switched_off(findings):
        parts.append(f"and {', '.join(hosts)} did not answer while others did")
    return ", ".join(parts)
