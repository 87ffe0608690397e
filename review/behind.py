"""Which clusters a change leaves with an older Kubernetes than new ones get: only their own entries raise them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.config.fields import minor
from fleet.versions import DEFAULT_KUBERNETES
from plan.steps import LKE_CLUSTER, cluster_of, section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plan.steps import Resource


def behind(deployed: Iterable[Resource], versions: Any) -> list[str]:
    """A sentence for each cluster that is behind; `versions` is that section of the stack's config."""
    newest = section(versions, "kubernetes") or DEFAULT_KUBERNETES
    clusters = {cluster_of(one): section(one.inputs, "k8sVersion") for one in deployed if one.type == LKE_CLUSTER}
    return [
        f"{name} runs Kubernetes {version}, and new clusters get {newest}"
        for name, version in clusters.items()
        if version and minor(version) < minor(newest)
    ]
