"""The engine's plan as plain data, with no word on where it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LKE_CLUSTER: Final = "linode:index/lkeCluster:LkeCluster"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
SERVICE: Final = "kubernetes:core/v1:Service"
SERVICE_PATCH: Final = f"{SERVICE}Patch"
VOLUME_CLAIM: Final = "kubernetes:core/v1:PersistentVolumeClaim"
VOLUME: Final = "linode:index/volume:Volume"
FIREWALL: Final = "linode:index/firewall:Firewall"
UNCHANGED: Final = frozenset({"same", "read", "read-replacement", "refresh", "discard", "discard-replaced"})
"""Operations that change nothing outside of the state; what is only read belongs to someone else."""
_NOT_OURS: Final = UNCHANGED - {"same", "refresh"}
_SECRET_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - a marker that says "secret"
"""The key by which Pulumi marks special values (sdk/go/common/resource/sig)."""
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands for a string that is known only later (sdk/go/common/resource/plugin, UnknownStringValue)."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource in one state: as it was recorded, or as the program wants it."""

    urn: str
    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""
    """URN and id of its provider, joined by `::`."""
    protect: bool = False
    custom: bool = True
    """Whether a provider manages it; a component only groups others."""

    @property
    def name(self) -> str:
        """Its name in the program: `us-cluster`."""
        return name_of(self.urn)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What the engine would do to one resource."""

    op: str
    """Pulumi's name of it: create, update, replace, delete, same, and so on."""
    urn: str
    type: str
    old: Resource | None = None
    new: Resource | None = None
    keys: tuple[str, ...] = ()
    """Properties that force the replacement."""
    diff: Mapping[str, str] = field(default_factory=dict)
    """The kind of difference by property path: `{"pools[0].count": "update"}`."""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return name_of(self.urn)


def cluster_of(resource: Resource) -> str:
    """The cluster that a resource is, or lives in, by the names that Fleet gives them (fleet/lke/cluster.py).

    What lives in Karmada's API is in the cluster `karmada`, which is none of Linode's.
    """
    if resource.type == LKE_CLUSTER:
        return resource.name.removesuffix("-cluster")
    return name_of(resource.provider.rsplit("::", 1)[0]).removesuffix("-provider")


def name_of(urn: str) -> str:
    """The resource's name in the program, which is the last part of its URN."""
    return urn.rsplit("::", 1)[-1]


def known(value: Any) -> Any:
    """The value, or None where it is secret or not known yet."""
    if value == _UNKNOWN or (isinstance(value, dict) and _SECRET_SIGNATURE in value):
        return None
    return value


def section(values: Any, *path: str) -> Any:
    """The value at a path of mappings; None where there is none, or it is secret or not known yet."""
    found = known(values)
    for key in path:
        if not isinstance(found, dict):
            return None
        found = known(found.get(key))
    return found


def before(steps: Iterable[Step]) -> list[Resource]:
    """What is deployed: the old state of every resource that the stack owns, once."""
    return list({step.urn: step.old for step in steps if step.old and step.op not in _NOT_OURS}.values())


def after(steps: Iterable[Step]) -> list[Resource]:
    """What will be there: the new state of every resource that the stack owns and keeps, once."""
    gone = _NOT_OURS | {"delete", "delete-replaced"}
    return list({step.urn: step.new for step in steps if step.new and step.op not in gone}.values())
