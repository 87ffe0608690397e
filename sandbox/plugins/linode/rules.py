"""What an LkeCluster's inputs have to satisfy beyond their types.

The rules of terraform-provider-linode (linode/lke/resource.go and schema_resource.go): those that it checks
before it asks the API, which checks everything else itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.plugins.framework import UNKNOWN, CheckFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.plugins.framework import Properties, Value

_ENTERPRISE: Final = "enterprise"
_STACKS: Final = ("ipv4", "ipv4-ipv6")
_POOL_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "diskEncryption": ("enabled", "disabled"),
    "updateStrategy": ("on_recycle", "rolling_update"),
}
_EFFECTS: Final = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def failures(inputs: Properties) -> Iterator[CheckFailure]:
    """What is wrong with inputs that fit the schema."""
    tier = inputs.get("tier", "standard")
    pools = inputs.get("pools") or []
    if tier == "standard" and not pools:
        yield CheckFailure(path="pools", reason="a cluster of the standard tier needs at least one pool")
    yield from _choice("stackType", inputs.get("stackType"), _STACKS)
    if pools is not UNKNOWN:
        for index, pool in enumerate(pools):
            if pool is not UNKNOWN:
                yield from _pool_failures(f"pools[{index}]", pool, tier)
    yield from _acl_failures(inputs)


def _pool_failures(path: str, pool: Mapping[str, Value], tier: Value) -> Iterator[CheckFailure]:
    count = pool.get("count")
    if count is None and pool.get("autoscaler") is None:
        yield CheckFailure(path=f"{path}.count", reason="a pool without an autoscaler needs a count")
    elif count not in (None, UNKNOWN) and count < 1:
        yield CheckFailure(path=f"{path}.count", reason=f"{count} nodes make no pool; give 1 or more")
    for name, choices in _POOL_CHOICES.items():
        yield from _choice(f"{path}.{name}", pool.get(name), choices)
    if pool.get("updateStrategy") and tier not in (_ENTERPRISE, UNKNOWN):
        reason = f"only clusters of tier {_ENTERPRISE!r} have an update strategy"
        yield CheckFailure(path=f"{path}.updateStrategy", reason=reason)
    taints = pool.get("taints") or []
    if taints is not UNKNOWN:
        for index, taint in enumerate(taints):
            yield from _taint_failures(f"{path}.taints[{index}]", taint)


def _taint_failures(path: str, taint: Value) -> Iterator[CheckFailure]:
    if taint is UNKNOWN:
        return
    yield from _choice(f"{path}.effect", taint["effect"], _EFFECTS)
    for name in ("key", "value"):
        if taint[name] == "":
            yield CheckFailure(path=f"{path}.{name}", reason="this must not be empty")


def _acl_failures(inputs: Properties) -> Iterator[CheckFailure]:
    plane = inputs.get("controlPlane")
    acl = plane.get("acl") if isinstance(plane, dict) else None
    if not isinstance(acl, dict) or acl.get("enabled") is not False:
        return
    addresses = acl.get("addresses") or []
    if addresses is not UNKNOWN and any(any(one.values()) for one in addresses if one is not UNKNOWN):
        yield CheckFailure(path="controlPlane.acl.addresses", reason="an ACL that is off takes no addresses")


def _choice(path: str, value: Value, choices: tuple[str, ...]) -> Iterator[CheckFailure]:
    if value not in (None, UNKNOWN, *choices):
        yield CheckFailure(path=path, reason=f"{value!r} is not known; choose one of {', '.join(choices)}")
