"""Karmada's own workloads on the manager, stopped and started around a restore.

How many replicas each had is written on it before it is stopped, so a run that is interrupted can be taken up by
another one, from another machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import KARMADA_NAMESPACE
from operations.errors import OperationError
from operations.waiting import holds_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes.client import AppsV1Api, CoreV1Api

BEFORE: Final = "fleet/replicas-before-restore"
LIMIT_SECONDS: Final = 300.0
_PAUSE_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A StatefulSet or a Deployment of Karmada's namespace, by the calls that read and patch it."""

    name: str
    read: Callable[..., Any]
    patch: Callable[..., Any]

    @property
    def replicas(self) -> int:
        """How many it has, or had before a restore that was interrupted."""
        found = self.read(self.name, KARMADA_NAMESPACE)
        noted = (found.metadata.annotations or {}).get(BEFORE, 0)
        return int(found.spec.replicas or noted)

    def stop(self) -> None:
        """Let its pods go; they may still be there."""
        noted = {"annotations": {BEFORE: str(self.replicas)}}
        self.patch(self.name, KARMADA_NAMESPACE, {"metadata": noted, "spec": {"replicas": 0}})

    def start(self) -> None:
        """Give it its replicas back; they may not be ready yet."""
        self.patch(self.name, KARMADA_NAMESPACE, {"spec": {"replicas": self.replicas}})

    def stopped(self, core: CoreV1Api) -> bool:
        """Whether no pod of it is left."""
        labels = self.read(self.name, KARMADA_NAMESPACE).spec.selector.match_labels
        selector = ",".join(f"{label}={value}" for label, value in labels.items())
        return not core.list_namespaced_pod(KARMADA_NAMESPACE, label_selector=selector).items

    def ready(self) -> bool:
        """Whether it has all the replicas that it had."""
        return (self.read(self.name, KARMADA_NAMESPACE).status.ready_replicas or 0) >= self.replicas

    def forget(self) -> None:
        """Take away the note of how many replicas it had: it is as it was."""
        self.patch(self.name, KARMADA_NAMESPACE, {"metadata": {"annotations": {BEFORE: None}}})


def etcd(apps: AppsV1Api) -> Workload:
    """Karmada's etcd."""
    return Workload(name="etcd", read=apps.read_namespaced_stateful_set, patch=apps.patch_namespaced_stateful_set)


def clients(apps: AppsV1Api) -> list[Workload]:
    """All that serves etcd's content or acts on it: every Deployment there, with what a chart's values add."""
    found: Any = apps.list_namespaced_deployment(KARMADA_NAMESPACE).items
    read, patch = apps.read_namespaced_deployment, apps.patch_namespaced_deployment
    return [Workload(name=deployment.metadata.name, read=read, patch=patch) for deployment in found]


def wait(claim: Callable[[], bool], what: str) -> None:
    """Return when a claim holds. Raises OperationError when it does not for minutes."""
    if not holds_within(claim, seconds=LIMIT_SECONDS, pause_seconds=_PAUSE_SECONDS):
        raise OperationError(
            what="Karmada's control plane is not where it should be",
            why=f"after {LIMIT_SECONDS:.0f} s it is still not true that {what}",
            remedy=f"See `kubectl --namespace {KARMADA_NAMESPACE} get pods` on the manager, then run again",
        )
