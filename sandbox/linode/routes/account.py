"""The account and the profile of its one user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.operations import Call, Operation, Requirement
from sandbox.linode.schemas.account import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping


async def view_profile(_: Call) -> Mapping[str, Any]:
    """The user's profile; any token may read it, so clients use it to see whether a token works."""
    return Profile().body()


OPERATIONS: tuple[Operation, ...] = (
    Operation(method="GET", path="/profile", handler=view_profile, needs=Requirement.A_TOKEN),
)
