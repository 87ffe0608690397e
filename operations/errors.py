"""What a command tells its user when it cannot go on."""

from __future__ import annotations


class OperationError(Exception):
    """Something that the user can act on. The command line prints it as it is and exits with 1.

    `what` names what failed, `why` the reason, `remedy` the next step; each is a clause without a full stop.
    """

    def __init__(self, *, what: str, why: str, remedy: str) -> None:
        super().__init__(f"{what}: {why}. {remedy}.")
        self.what = what
        self.why = why
        self.remedy = remedy
