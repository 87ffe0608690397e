"""A claim about a running fleet, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.text import Text

NO_ANSWER: Final = "no answer"
ANSWERED: Final = "whoever was near"
"""What does not say its region has answered."""
REFUSED: Final = "RBAC: access denied"
"""What Envoy answers to whom no rule lets in."""
STATUS_MARK: Final = "STATUS="
CURL: Final = f"curl --silent --show-error --write-out ' {STATUS_MARK}%{{http_code}}'"
"""What is asked by, so that `region` can tell what came of it."""
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


def asked_again(count: int, seconds: int, *where: str) -> str:
    """A script that calls `count` times, each for at most so many seconds, and prints a line for each answer.

    `where` is what curl takes: the address, and options before it.
    """
    fetch = " ".join((CURL, "--max-time", str(seconds), *where))
    return f"for call in $(seq {count}); do {fetch} 2>&1 | tr -d '\\n'; echo; done"


def region(answer: str) -> str:
    """The region that an answer tells as the article's does, that it is an answer all the same, or that there is none.

    What a mesh refuses is no answer, and neither is what a server says that cannot reach another one.
    """
    _, found, rest = answer.partition(_MARK)
    if found:
        return rest.split('"')[0].split()[0]
    _, told, status = answer.rpartition(STATUS_MARK)
    answered = told and status[:3].isdecimal() and 200 <= int(status[:3]) < 500 and REFUSED not in answer
    return ANSWERED if answered else NO_ANSWER
