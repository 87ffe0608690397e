"""Which stacks a change concerns: one whose config it touches, or all if it touches what every stack is made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LOCAL: Final = frozenset({"sandbox"})
"""Stacks that exist on developers' machines only."""
_SHARED_FOLDERS: Final = ("fleet/", "policies/")
_SHARED_FILES: Final = frozenset({"__main__.py", "Pulumi.yaml", "requirements.txt"})
_CONFIG: Final = re.compile(r"Pulumi\.([^/]+)\.yaml")


def known_stacks(checkout: Path) -> list[str]:
    """The stacks that have a config file, without the local ones."""
    matches = (_CONFIG.fullmatch(file.name) for file in checkout.iterdir())
    return sorted({match[1] for match in matches if match} - LOCAL)


def changed_stacks(paths: Iterable[str], stacks: Iterable[str]) -> list[str]:
    """Those of the stacks that may come out differently; paths are relative to the checkout."""
    touched = list(paths)
    if any(path in _SHARED_FILES or path.startswith(_SHARED_FOLDERS) for path in touched):
        return sorted(stacks)
    configs = {match[1] for path in touched if (match := _CONFIG.fullmatch(path))}
    return sorted(configs & set(stacks))
