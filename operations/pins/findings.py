"""What a look at a registry or a repository comes to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.versions import ChartPin, ImagePin


class State(enum.Enum):
    """Whether something is published."""

    THERE = "there"
    MISSING = "missing"
    UNASKED = "unasked"
    """Nobody answered, or not to this question: it may be there."""


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
        if self.state is State.UNASKED:
            return f"{self.pin} could not be asked for: {self.why}"
        return (
            f"{self.pin} is not to be had: {self.why}. It came out on {self.pin.released} ({self.pin.source}): look "
            "there for where it went, and for a newer one"
        )


def verdict(findings: Sequence[Finding]) -> str:
    """All findings in a sentence."""
    counts = {state: sum(finding.state is state for finding in findings) for state in State}
    parts = [f"{counts[State.THERE]} of {len(findings)} pinned images and charts are there"]
    if counts[State.MISSING]:
        parts.append(f"{counts[State.MISSING]} are not to be had")
    if counts[State.UNASKED]:
        parts.append(f"{counts[State.UNASKED]} could not be asked for from here")
    return ", ".join(parts)
