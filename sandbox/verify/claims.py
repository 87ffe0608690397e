"""A claim about a running fleet, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Whether something holds, with the evidence for it in one line."""

    text: str
    holds: bool
    evidence: str
