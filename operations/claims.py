"""A claim about a running fleet, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.text import Text

NO_ANSWER: Final = "no answer"
_MARK: Final = "REGION="


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Whether something holds, with the evidence for it in one line."""

    text: str
    holds: bool
    evidence: str


def shown(claim: Claim) -> Text:
    """One line for a claim."""
    mark, style = ("ok", "green") if claim.holds else ("WRONG", "red")
    return Text(f"{mark:5} {claim.text}: {claim.evidence}", style=style)


def region(answer: str) -> str:
    """The region in an answer of hello, or that there is none."""
    _, found, rest = answer.partition(_MARK)
    return rest.split('"')[0].split()[0] if found else NO_ANSWER
