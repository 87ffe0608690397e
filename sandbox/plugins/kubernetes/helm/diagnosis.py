"""Why a release did not become ready: Helm only tells that time was up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError, UnreachableError
from sandbox.plugins.kubernetes.objects import Object, kind, metadata, name
from sandbox.plugins.kubernetes.readiness import NotReadyError, assess, condition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.plugins.kubernetes.cluster import Cluster

_SHOWN: Final = 10


def problems(cluster: Cluster, objects: Iterable[Object], space: str) -> list[str]:
    """What is not ready among the objects of a release, and why."""
    found: list[str] = []
    for obj in objects:
        if len(found) >= _SHOWN:
            break
        found.extend(_problems(cluster, obj, space))
    return found[:_SHOWN]


def _problems(cluster: Cluster, obj: Object, space: str) -> Iterator[str]:
    placed = {**obj, "metadata": {"namespace": space, **metadata(obj)}}
    try:
        condition = condition_of(placed)
        if condition is not None:
            assess(cluster, cluster.get(placed), condition)
    except NotReadyError as error:
        reasons = "; ".join(error.reasons)
        yield f"{kind(obj).kind} {name(obj)}: {reasons}"
    except (ApiError, NoMatchError, UnreachableError):
        return  # it was not made, or cannot be asked for: helm's own message stands
