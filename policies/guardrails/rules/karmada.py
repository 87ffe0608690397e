"""Rules on Karmada's control plane."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policies.guardrails.model import Finding, Resource, Stack, section
from review.steps import RELEASE

if TYPE_CHECKING:
    from collections.abc import Iterator


def etcd_is_on_a_volume(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """What was submitted to Karmada survives its node. An etcd of the user's own is the user's to keep."""
    values = section(resource.inputs, "values")
    if not is_control_plane(resource) or section(values, "etcd", "mode") == "external":
        return
    # The chart's default is hostPath (charts/karmada/values.yaml, etcd.internal.storageType).
    storage = section(values, "etcd", "internal", "storageType") or "hostPath"
    if storage != "pvc":
        yield Finding(
            where=f"release {resource.name}",
            what=f"Karmada's etcd keeps its data in {storage} storage, which is lost with the node",
            mend="Take etcd.internal.storageType out of fleet:karmada.values; fleet:karmada.etcd says which volume",
            urn=resource.urn,
        )


def is_control_plane(resource: Resource) -> bool:
    """Whether it is a release of Karmada's chart that installs the control plane."""
    if resource.type != RELEASE or PurePosixPath(str(section(resource.inputs, "chart") or "")).name != "karmada":
        return False
    return section(resource.inputs, "values", "installMode") in (None, "host")
