"""A broken rule of the stack config, as fleet/config/reader.py reports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken rule: the path of the key, and a sentence with the value, the reason and the remedy."""

    path: tuple[str, ...]
    message: str
    about_all_clusters: bool = False
    rests_on: tuple[tuple[str, ...], ...] = ()
    """Paths of what else was looked at: an error there may be all that is wrong."""

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.message}"


def no_member(path: tuple[str, ...], name: str, members: Collection[str]) -> Iterator[Violation]:
    """That a name is no member's, where it is none; an error in its cluster may be all that is wrong."""
    if name not in members:
        yield Violation(
            path=path,
            message=f"{name!r} is not a member; the members are {', '.join(members)}",
            rests_on=(("clusters", name),),
        )
