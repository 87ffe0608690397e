"""From the pools that were recorded to the pools that are wanted, as the official provider goes.

It pairs both by their place, and looks at no live pool (terraform-provider-linode, linode/lke/cluster.go,
ReconcileLKENodePoolSpecs). Whatever changes in a pool, the count is sent with it, and it is the recorded one where the
program gives none: so an autoscaler's nodes go with a change of labels. docs/decisions/0185 says why this is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.linode.views import autoscaler_body, pool_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.plugins.framework import Properties, Value
    from sandbox.plugins.linode.api import Json

_NONE_THERE: Final[Json] = {"count": 0, "id": 0, "type": ""}
"""What is recorded in the place of a pool that Linode has no more: the original leaves it empty."""
_COMPUTED: Final = ("count", "diskEncryption", "firewallId", "id", "k8sVersion", "nodes", "updateStrategy")
"""What the provider fills in from the pool that was recorded at the same place."""


@dataclass(frozen=True, kw_only=True)
class PoolPlan:
    """What to do, in this order: change pools in place, make new ones, delete others.

    `update` has request bodies by pool id.
    """

    update: Mapping[int, Json]
    create: Sequence[Json]
    delete: Sequence[int]


def planned_pools(recorded: Sequence[Properties], wanted: Sequence[Properties]) -> list[Properties]:
    """The wanted pools, with what the provider fills in from those that were recorded at their places."""
    found = []
    for place, pool in enumerate(wanted):
        before = recorded[place] if place < len(recorded) else {}
        found.append({name: before[name] for name in _COMPUTED if before.get(name)} | dict(pool))
    return found


def plan(recorded: Sequence[Properties], wanted: Sequence[Properties]) -> PoolPlan:
    """What turns the recorded pools into the wanted ones, place by place.

    Type and disk encryption of a pool cannot change, so a pool whose type does is made anew.
    """
    planned = planned_pools(recorded, wanted)
    if [_spec(pool) for pool in recorded] == [_spec(pool) for pool in planned]:
        return PoolPlan(update={}, create=(), delete=())
    # As the original: a pool that was planned and never made has no id, and those after it take its place.
    there = [pool for pool in recorded if pool.get("id")]
    update: dict[int, Json] = {}
    create = [pool_body(pool) for pool in planned[len(there) :]]
    delete = [pool["id"] for pool in there[len(planned) :]]
    for before, pool in zip(there, planned, strict=False):
        # The original compares ids as well, which are those of their places.
        if _spec(before) == _spec(pool) and before["id"] == pool.get("id"):
            continue
        if any(_spec(before)[name] != _spec(pool)[name] for name in ("type", "diskEncryption")):
            create.append(pool_body(pool))
            delete.append(before["id"])
        else:
            update[before["id"]] = _changes(before, pool)
    return PoolPlan(update=update, create=create, delete=delete)


def match(live: Iterable[Json], declared: Sequence[Mapping[str, Value]]) -> list[Json]:
    """The live pools in the order of those that are declared: by id, else by what they are; what is left comes last.

    In the place of a declared one that is not there comes an empty one. Of pools that are all the same, and among those
    that are left, the original takes them as they come, in no order.
    """
    left = {pool["id"]: pool for pool in live}
    paired: dict[int, Json] = {}
    for place, pool in enumerate(declared):
        if (identity := pool.get("id")) in left:
            paired[place] = left.pop(identity)
    for place, pool in enumerate(declared):
        if place in paired:
            continue
        same = (identity for identity, found in left.items() if _is_as_declared(found, pool))
        paired[place] = left.pop(next(same, 0), _NONE_THERE)
    return [*(paired[place] for place in range(len(declared))), *left.values()]


def without_external(pools: Iterable[Json], tags: Iterable[str]) -> list[Json]:
    """The pools that this resource manages: those with none of the tags of pools that others manage."""
    external = set(tags)
    return [pool for pool in pools if not external & set(pool.get("tags") or ())]


def _spec(pool: Mapping[str, Value]) -> dict[str, Any]:
    """A pool as it is compared: what is empty is not there, and an autoscaler that is off spans the count."""
    scaler = pool.get("autoscaler")
    return {
        "autoscaler": autoscaler_body(scaler) if scaler else {"enabled": False, "max": None, "min": None},
        "count": pool.get("count") or None,
        "diskEncryption": pool.get("diskEncryption") or None,
        "firewallId": pool.get("firewallId") or None,
        "label": pool.get("label") or None,
        "labels": pool.get("labels") or {},
        "tags": sorted(pool.get("tags") or ()),
        "taints": _taints(pool.get("taints")),
        "type": pool["type"],
    }


def _changes(before: Mapping[str, Value], pool: Mapping[str, Value]) -> Json:
    """The request that changes a pool. It has a count and tags whatever else it is for."""
    old, new = _spec(before), _spec(pool)
    body: Json = {"count": new["count"], "tags": new["tags"]}
    if new["label"] != old["label"]:
        body["label"] = new["label"] or ""
    if new["firewallId"] != old["firewallId"] and new["firewallId"]:
        body["firewall_id"] = new["firewallId"]
    if new["taints"] != old["taints"]:
        body["taints"] = pool.get("taints") or []
    if new["labels"] != old["labels"]:
        body["labels"] = new["labels"]
    if new["autoscaler"] != old["autoscaler"]:
        off = {"enabled": False, "max": new["count"], "min": new["count"]}
        body["autoscaler"] = new["autoscaler"] if new["autoscaler"]["enabled"] else off
    return body


def _is_as_declared(live: Json, pool: Mapping[str, Value]) -> bool:
    """Whether a live pool is just as one that has no id yet."""
    scaler = pool.get("autoscaler")
    count = pool.get("count") or (scaler["min"] if scaler else None)
    is_scaling = live.get("autoscaler") or {"enabled": False}
    encryption = pool.get("diskEncryption")
    return (
        live["type"] == pool["type"]
        and live["count"] == count
        and (is_scaling == autoscaler_body(scaler) if scaler else not is_scaling["enabled"])
        and sorted(live.get("tags") or ()) == sorted(pool.get("tags") or ())
        and _taints(live.get("taints")) == _taints(pool.get("taints"))
        and (live.get("labels") or {}) == (pool.get("labels") or {})
        and pool.get("label") in (None, "", live.get("label"))
        and pool.get("firewallId") in (None, 0, live.get("firewall_id"))
        and encryption in (None, "", live.get("disk_encryption"))
    )


def _taints(taints: Iterable[Mapping[str, str]] | None) -> set[tuple[str, str, str]]:
    return {(taint["key"], taint["value"], taint["effect"]) for taint in taints or ()}
