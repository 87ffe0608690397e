"""What a change does to the nodes of one cluster, pool by pool, in the order of the program's list.

The official provider pairs pools by their place in that list, and makes one anew whose type or disk encryption changes
(terraform-provider-linode, linode/lke/cluster.go, ReconcileLKENodePoolSpecs). Where another label comes to a place, its
nodes become those of another pool, with the labels and taints of that.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from plan.steps import known, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plan.steps import Resource

_FIXED = frozenset({"type", "diskEncryption"})
_TOLD = ("label", "type", "diskEncryption")


class Fate(enum.Enum):
    """What becomes of the nodes of a pool."""

    REMOVED = "removed"
    REMADE = "remade"
    TAKEN = "taken"
    """By another pool: they stay, and may not be what runs there was meant for."""
    FEWER = "fewer"


@dataclass(frozen=True, kw_only=True)
class PoolChange:
    """Nodes that their pool loses, in words: `pool extra with 1 node is removed`."""

    fate: Fate
    what: str


def pools_of(properties: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The pools among a cluster's inputs or outputs.

    In the place of one that Linode has no more, the provider records an empty one, and passes over it when it pairs
    (matchPoolsWithSchema and expandLinodeLKENodePoolSpecs).
    """
    return [pool for pool in section(properties, "pools") or [] if isinstance(pool, dict) and pool.get("type")]


def pool_changes(old: Resource, new: Resource) -> Iterator[PoolChange]:
    """The pools of a cluster that lose nodes."""
    recorded = section(old.outputs, "pools") or []
    # What the provider pairs is its state, which may have more than was asked for last.
    there = pools_of(old.outputs) or pools_of(old.inputs)
    for place, (before, after) in enumerate(zip_longest(there, pools_of(new.inputs))):
        if before is None:
            continue
        count = int(known(before.get("count")) or 0)
        name = f"pool {before.get('label') or place}"
        if after is None:
            yield PoolChange(fate=Fate.REMOVED, what=f"{name} with {_nodes(count)} is removed")
            continue
        wanted = {"diskEncryption": _filled(recorded, place)} | dict(after)
        if _FIXED.intersection(changed := [key for key in _TOLD if before.get(key) != wanted.get(key)]):
            changes = ", ".join(f"{key} {before.get(key)} to {wanted.get(key)}" for key in changed)
            yield PoolChange(fate=Fate.REMADE, what=f"{name} is made anew ({changes}): all {_nodes(count)} go")
        else:
            yield from _in_place(name, count, before, after)


def _in_place(name: str, count: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[PoolChange]:
    labels = [known(pool.get("label")) for pool in (before, after)]
    if all(labels) and labels[0] != labels[1]:
        what = f"{name} becomes pool {labels[1]}: {_nodes(count)} get its labels and taints"
        yield PoolChange(fate=Fate.TAKEN, what=what)
    if (most := _most(after, count)) < count:
        yield PoolChange(fate=Fate.FEWER, what=f"{name} goes from {_nodes(count)} to {_at_most(after, most)}")


def _filled(recorded: Sequence[Any], place: int) -> Any:
    """The disk encryption of a pool that is given none: what was recorded at its place, also where that is empty."""
    pool = recorded[place] if place < len(recorded) else None
    return pool.get("diskEncryption") or None if isinstance(pool, dict) else None


def _most(pool: Mapping[str, Any], live: int) -> int:
    """How many nodes may be left: of an autoscaler its maximum, since it keeps to its bounds."""
    scaler = known(pool.get("autoscaler"))
    return min(live, int(scaler["max"])) if scaler else int(known(pool.get("count")) or 0)


def _at_most(pool: Mapping[str, Any], most: int) -> str:
    return f"at most {most}, the autoscaler's maximum" if known(pool.get("autoscaler")) else str(most)


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"
