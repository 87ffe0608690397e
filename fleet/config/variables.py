"""Environment variables that use each other, as Kubernetes has it: `$(NAME)` is one that stands before.

A table of the config has no order, so that the order follows from who uses whom.
"""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_USE: Final = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
"""A use, or two dollars, which stand for one (third_party/forked/golang/expansion/expand.go of Kubernetes)."""


def in_order(texts: Mapping[str, str]) -> tuple[str, ...]:
    """The names of variables, each behind those that its text uses, and else in their own order.

    Raises:
        graphlib.CycleError: some use each other in a circle.
    """
    uses = {name: _used(name, texts) for name in sorted(texts)}
    TopologicalSorter(uses).prepare()
    found: dict[str, None] = {}

    def add(name: str) -> None:
        if name not in found:
            for used in uses[name]:
                add(used)
            found[name] = None

    for name in uses:
        add(name)
    return tuple(found)


def _used(name: str, texts: Mapping[str, str]) -> list[str]:
    # Whoever uses its own name means what its image has, and Kubernetes leaves that as it stands.
    return sorted({used for used in _USE.findall(texts[name]) if used in texts and used != name})
