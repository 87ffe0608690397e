"""What is otherwise in one member, as JSON patches of a workload's Deployment. Pure functions.

A list is given as a whole: Karmada applies a policy to whichever template there is, and while an update goes on the
template may have other entries, or have them in another order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet.config.workload_fields import in_member, is_marked
from fleet.config.workloads import MemberChanges
from fleet.workloads import pods
from fleet.workloads.objects import secret_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulumi import Input

    from fleet.config.workloads import Workload

_TEMPLATE: Final = "/spec/template"
_CONTAINER: Final = f"{_TEMPLATE}/spec/containers/0"


def patches(
    name: str, workload: Workload, *, member: str, region: str, identity: Input[str]
) -> list[dict[str, Input[Any]]]:
    """A workload's identity in one member, and what its entry has otherwise there."""
    return [
        _patch(f"{_TEMPLATE}/spec/serviceAccountName", identity),
        *_labels(workload, member, region),
        *_of_container(name, workload, member, region),
    ]


def _labels(workload: Workload, member: str, region: str) -> Iterator[dict[str, Any]]:
    for key, value in sorted(workload.labels.items()):
        if is_marked(value):
            # A template with a mark in a label is none that Karmada's API takes.
            yield _patch(f"{_TEMPLATE}/metadata/labels/{_token(key)}", in_member(value, region=region, member=member))


def _of_container(name: str, workload: Workload, member: str, region: str) -> Iterator[dict[str, Any]]:
    places = {"region": region, "member": member}
    changes = workload.per_member.get(member, MemberChanges())
    if changes.image:
        yield _patch(f"{_CONTAINER}/image", changes.image)
    for key, texts in (("command", workload.command), ("args", workload.args)):
        if any(map(is_marked, texts)):
            yield _patch(f"{_CONTAINER}/{key}", [in_member(text, **places) for text in texts])
    here = pods.variables(workload, secret_name(name), more=changes.env, places=places)
    if here != pods.variables(workload, secret_name(name)):
        yield _patch(f"{_CONTAINER}/env", here)
    if (asked := workload.resources_in(member)) != workload.resources:
        yield _patch(f"{_CONTAINER}/resources", pods.resources(asked))


def _patch(path: str, value: Any) -> dict[str, Any]:
    # What is there is replaced by an addition too (RFC 6902, section 4.1), and what is not is no error.
    return {"path": path, "operator": "add", "value": value}


def _token(key: str) -> str:
    """A key in a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")
