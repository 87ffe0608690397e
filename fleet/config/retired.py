"""Config keys that an earlier Fleet had, and what to write instead. CHANGELOG.md says what else an update takes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

RETIRED: Final[Mapping[str, str]] = {
    "karmada.agentValues": "set karmada.agent instead (docs/karmada.md)",
    "mesh.gatewayValues": "set eastWest.values and ingress.values instead, for a gateway each (docs/mesh.md)",
    "mesh.ingress": "set fleet:ingress instead, a section of its own (docs/mesh.md)",
}
"""The remedy by the key's path; `*` stands for a name that the user chose."""


def successor(key: str) -> str | None:
    """What to write instead of a key; None for one that there never was."""
    parts = key.split(".")
    for pattern, words in RETIRED.items():
        known = pattern.split(".")
        if len(known) == len(parts) and all(map(fnmatchcase, parts, known)):
            return words
    return None
