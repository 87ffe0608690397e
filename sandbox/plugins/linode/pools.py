"""From the pools that there are to the pools that are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox.plugins.linode.views import autoscaler_body, pool_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.plugins.framework import Properties, Value
    from sandbox.plugins.linode.api import Json

_ENTERPRISE_FIELDS: Final = {"k8sVersion": "k8s_version", "updateStrategy": "update_strategy"}


@dataclass(frozen=True, kw_only=True)
class PoolPlan:
    """What to do, in this order: change pools in place, make new ones, delete others.

    `update` has request bodies by pool id, `create` by the place in the program's list.
    """

    update: Mapping[int, Json]
    create: Mapping[int, Json]
    delete: Sequence[int]

    @property
    def empty(self) -> bool:
        """Whether the pools are as wanted."""
        return not (self.update or self.create or self.delete)


def plan(live: Sequence[Json | None], wanted: Sequence[Properties], before: Sequence[Properties]) -> PoolPlan:
    """What turns the live pools into the wanted ones, place by place, as the official provider pairs them.

    `live` has None for a pool that is no longer there. `before` are the inputs of the last update: what
    they agree on with `wanted` is left to an autoscaler. Type and disk encryption of a pool cannot change,
    so a pool whose type does is made anew.
    """
    update: dict[int, Json] = {}
    create: dict[int, Json] = {}
    delete = [pool["id"] for pool in live[len(wanted) :] if pool is not None]
    for place, pool in enumerate(wanted):
        there = live[place] if place < len(live) else None
        if there is None or not _same_machines(there, pool):
            create[place] = pool_body(pool)
            if there is not None:
                delete.append(there["id"])
            continue
        changes = _changes(there, pool, before[place] if place < len(before) else {})
        if changes:
            update[there["id"]] = changes
    return PoolPlan(update=update, create=create, delete=delete)


def pair(live: Iterable[Json], wanted: Sequence[Properties]) -> list[Json]:
    """The live pools of a new cluster in the program's order: each by what it is, what is left over last."""
    left = sorted(live, key=lambda pool: int(pool["id"]))
    paired = []
    for pool in wanted:
        match = _take(left, pool)
        if match is not None:
            paired.append(match)
    return [*paired, *left]


def by_recorded_order(live: Iterable[Json], recorded: Sequence[int]) -> list[Json | None]:
    """The live pools in the order of the recorded ids, None for one that is gone."""
    by_id = {pool["id"]: pool for pool in live}
    return [by_id.get(identity) for identity in recorded]


def adopt(live: Sequence[Json], recorded: Sequence[int], wanted: Sequence[Properties]) -> list[Json | None]:
    """The live pools in the program's order: the recorded ones, and where one is missing, one that fits.

    A run that was cut off may have made a pool without recording it.
    """
    ordered = by_recorded_order(live, recorded)
    ordered += [None] * (len(wanted) - len(ordered))
    left = [pool for pool in live if pool["id"] not in recorded]
    for place, pool in enumerate(wanted):
        if ordered[place] is None:
            match = _take(left, pool)
            ordered[place] = match
    return ordered


def without_external(pools: Iterable[Json], tags: Iterable[str]) -> list[Json]:
    """The pools that this resource manages: those with none of the tags of pools that others manage."""
    external = set(tags)
    return [pool for pool in pools if not external & set(pool.get("tags") or ())]


def _take(left: list[Json], wanted: Mapping[str, Value]) -> Json | None:
    """Take out of the list a pool that is just as wanted."""
    for pool in left:
        if _same_machines(pool, wanted) and not _changes(pool, wanted, {}):
            left.remove(pool)
            return pool
    return None


def _same_machines(live: Json, wanted: Mapping[str, Value]) -> bool:
    encryption = wanted.get("diskEncryption")
    return live["type"] == wanted["type"] and encryption in (None, live.get("disk_encryption"))


def _changes(live: Json, wanted: Mapping[str, Value], before: Mapping[str, Value]) -> Json:
    """The request that brings a pool up to what is wanted; empty if nothing has to change."""
    body: Json = {}
    if (wanted.get("label") or "") != (live.get("label") or ""):
        body["label"] = wanted.get("label") or ""
    if _folded(wanted.get("tags")) != _folded(live.get("tags")):
        body["tags"] = wanted.get("tags") or []
    if (wanted.get("labels") or {}) != (live.get("labels") or {}):
        body["labels"] = wanted.get("labels") or {}
    if _taints(wanted.get("taints")) != _taints(live.get("taints")):
        body["taints"] = wanted.get("taints") or []
    if wanted.get("firewallId") and wanted["firewallId"] != live.get("firewall_id"):
        body["firewall_id"] = wanted["firewallId"]
    for name, field in _ENTERPRISE_FIELDS.items():
        if wanted.get(name) and wanted[name] != live.get(field):
            body[field] = wanted[name]
    return body | _size_changes(live, wanted, before)


def _size_changes(live: Json, wanted: Mapping[str, Value], before: Mapping[str, Value]) -> Json:
    body: Json = {}
    scaler, count = wanted.get("autoscaler"), wanted.get("count")
    is_scaling = live.get("autoscaler") or {"enabled": False}
    if scaler:
        body = {"autoscaler": autoscaler_body(scaler)}
        if is_scaling == body["autoscaler"]:
            body = {}
    elif is_scaling["enabled"]:
        body = {"autoscaler": {"enabled": False, "max": count, "min": count}}
    # An autoscaler moves the count between updates; an unrelated update must not move it back
    # (terraform-provider-linode#2446).
    left_to_scaler = scaler and count == before.get("count")
    if count is not None and count != live["count"] and not left_to_scaler:
        body["count"] = count
    return body


def _folded(tags: Iterable[str] | None) -> set[str]:
    return {tag.casefold() for tag in tags or ()}


def _taints(taints: Iterable[Mapping[str, str]] | None) -> set[tuple[str, str, str]]:
    return {(taint["key"], taint["value"], taint["effect"]) for taint in taints or ()}
