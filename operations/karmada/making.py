"""A backup now: a Job of the manager's own CronJob, so that what a person makes is what the schedule makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kubernetes.client import ApiException, BatchV1Api

from fleet.naming import BACKUP, KARMADA_NAMESPACE
from operations.errors import OperationError
from operations.karmada.apis import explained
from operations.waiting import holds_within

if TYPE_CHECKING:
    from operations.karmada.apis import Manager

LIMIT_SECONDS: Final = 1800.0
_PAUSE_SECONDS: Final = 2.0
_LOOK: Final = f"kubectl --namespace {KARMADA_NAMESPACE} logs --all-containers job/"


def make(manager: Manager, *, now: datetime | None = None) -> str:
    """Run the CronJob once, and say what it made: its name, and its size in bytes.

    Raises:
        OperationError: there is no such CronJob, or its Job does not succeed.

    """
    with explained("Cannot make a backup"):
        name = f"{BACKUP}-{(now or datetime.now(UTC)).strftime('%Y%m%d%H%M%S')}"
        manager.batch.create_namespaced_job(KARMADA_NAMESPACE, _job(manager.batch, name))
        job = _Job(manager, name)
        if not holds_within(job.ended, seconds=LIMIT_SECONDS, pause_seconds=_PAUSE_SECONDS):
            raise OperationError(
                what=f"The backup {name} is not made",
                why=f"its Job has no end after {LIMIT_SECONDS:.0f} s",
                remedy=f"See `{_LOOK}{name}` on the manager",
            )
        return job.said()


def _job(batch: BatchV1Api, name: str) -> Any:
    """As `kubectl create job --from=cronjob/NAME` makes it: the CronJob counts it among its own."""
    try:
        cron: Any = batch.read_namespaced_cron_job(BACKUP, KARMADA_NAMESPACE)
    except ApiException as error:
        if error.status == 404:
            raise OperationError(
                what="This fleet makes no backups",
                why=f"its manager has no CronJob {KARMADA_NAMESPACE}/{BACKUP}",
                remedy="Set fleet:karmada.backup and run `pulumi up`",
            ) from None
        raise
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cron.metadata.name,
        "uid": cron.metadata.uid,
        "controller": True,
    }
    annotations = {"cronjob.kubernetes.io/instantiate": "manual"}
    return {
        "metadata": {"name": name, "annotations": annotations, "ownerReferences": [owner]},
        "spec": cron.spec.job_template.spec,
    }


class _Job:
    """A Job that was made, as it goes on."""

    def __init__(self, manager: Manager, name: str) -> None:
        self._manager, self._name = manager, name

    def ended(self) -> bool:
        """Whether it has succeeded. Raises OperationError when it has failed."""
        job: Any = self._manager.batch.read_namespaced_job(self._name, KARMADA_NAMESPACE)
        conditions = {one.type: one for one in job.status.conditions or () if one.status == "True"}
        if failed := conditions.get("Failed"):
            raise OperationError(
                what=f"The backup {self._name} is not made",
                why=f"its Job has failed ({failed.reason})",
                remedy=f"See `{_LOOK}{self._name}` on the manager",
            )
        return "Complete" in conditions

    def said(self) -> str:
        """What its last container has said of the backup."""
        selector = f"batch.kubernetes.io/job-name={self._name}"
        pods: Any = self._manager.core.list_namespaced_pod(KARMADA_NAMESPACE, label_selector=selector).items
        states = [one.state.terminated for pod in pods for one in pod.status.container_statuses or ()]
        return next((str(one.message).strip() for one in states if one and one.exit_code == 0), "made")
