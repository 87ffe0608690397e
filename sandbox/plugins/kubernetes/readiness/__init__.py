"""When an object is ready, by the official provider's notion of it, and waiting for that.

A condition looks at an object and says how far it has come: pure, so that a test needs no cluster. The
waiting around it is the same for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import SKIP_AWAIT, WAIT_FOR, Object, annotation, is_annotated, kind
from sandbox.plugins.kubernetes.readiness import waitfor
from sandbox.plugins.kubernetes.readiness.look import Condition, Progress, View
from sandbox.plugins.kubernetes.readiness.others import (
    ClaimReady,
    DefinitionReady,
    QuotaReady,
    ServiceReady,
    TokenReady,
    VolumeReady,
)
from sandbox.plugins.kubernetes.readiness.pods import PodReady
from sandbox.plugins.kubernetes.readiness.waiting import (
    NotGoneError,
    NotReadyError,
    allowed_time,
    assess,
    await_gone,
    await_ready,
    warning_events,
)
from sandbox.plugins.kubernetes.readiness.workloads import (
    DaemonSetReady,
    DeploymentReady,
    JobReady,
    ReplicationControllerReady,
    StatefulSetReady,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Condition",
    "NotGoneError",
    "NotReadyError",
    "Progress",
    "View",
    "allowed_time",
    "assess",
    "await_gone",
    "await_ready",
    "condition_of",
    "keeps_waiting_for_deletion",
    "warning_events",
]

_CONDITIONS: Final[Mapping[Kind, Callable[[], Condition]]] = {
    Kind("apps", "v1", "Deployment"): DeploymentReady,
    Kind("apps", "v1", "StatefulSet"): StatefulSetReady,
    Kind("apps", "v1", "DaemonSet"): DaemonSetReady,
    Kind("batch", "v1", "Job"): JobReady,
    Kind("", "v1", "Pod"): PodReady,
    Kind("", "v1", "ReplicationController"): ReplicationControllerReady,
    Kind("", "v1", "Service"): ServiceReady,
    Kind("", "v1", "PersistentVolume"): VolumeReady,
    Kind("", "v1", "PersistentVolumeClaim"): ClaimReady,
    Kind("", "v1", "ResourceQuota"): QuotaReady,
    Kind("", "v1", "Secret"): TokenReady,
    Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"): DefinitionReady,
}

# Where skipAwait skips the wait for deletion, too (provider/pkg/metadata/overrides.go).
_SKIPS_DELETION: Final = frozenset(
    {"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"}
)


def condition_of(inputs: Object) -> Condition | None:
    """What makes the object ready, or None if it is ready once it exists. Raises WaitForError."""
    if is_annotated(inputs, SKIP_AWAIT):
        return None
    own = annotation(inputs, WAIT_FOR)
    if own:
        return waitfor.parse(own)
    built_in = _CONDITIONS.get(kind(inputs))
    return built_in() if built_in else None


def keeps_waiting_for_deletion(inputs: Object) -> bool:
    """Whether to wait until the object is gone after its deletion."""
    found = kind(inputs)
    return not (is_annotated(inputs, SKIP_AWAIT) and found.built_in and found.kind in _SKIPS_DELETION)
