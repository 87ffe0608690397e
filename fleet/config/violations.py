"""A broken rule of the stack config, as fleet/config/reader.py reports it."""

from __future__ import annotations

from dataclasses import dataclass


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
