"""The chart's job that brings Karmada's CRDs, webhooks and aggregated APIs into its API server, with its authority.

Helm makes the job where there is none, and cannot change one that is there: what the last update ran must be gone
before the release is updated again. docs/decisions/0113 says why this is not left to the job's own time to live.
"""

from http import HTTPStatus
from typing import Final

from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding
from tenacity import retry, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_fixed

from fleet import waiting
from fleet.lke import readiness
from fleet.lke.cluster import LkeCluster
from fleet.naming import KARMADA_NAMESPACE

RELEASE: Final = "karmada"
JOB: Final = f"{RELEASE}-static-resource"
"""What the chart calls it (charts/karmada/templates/karmada-static-resource-job.yaml)."""
TIMEOUT_SECONDS: Final = 120
PAUSE_SECONDS: Final = 0.5


class NotGoneError(Exception):
    """The job is there; it has been told to go."""


def before_update(name: str, manager: LkeCluster) -> ResourceHookBinding:
    """A hook for Karmada's release, which an update of it runs first."""

    async def run(_: ResourceHookArgs) -> None:
        await clear(str(await manager.kubeconfig.future()))

    return ResourceHookBinding(before_update=[ResourceHook(f"{name}-static-resources", run)])


async def clear(kubeconfig: str) -> None:
    """Remove the job that the last update left behind, if any, and wait until it and its pods are gone.

    Args:
        kubeconfig: the manager's, YAML text; secret, and never part of a message.

    Raises:
        pulumi.RunError: when the job is still there after two minutes, or the cluster cannot be asked.
    """
    await waiting.persist(
        _remove,
        kubeconfig,
        lambda reason: (
            f"the job {JOB} in {KARMADA_NAMESPACE} could not be removed in {TIMEOUT_SECONDS // 60} minutes ({reason}), "
            "and Karmada's CRDs would not follow this update. `kubectl delete job` shows why; then `pulumi up` again."
        ),
    )


@retry(
    retry=retry_if_exception(waiting.is_trouble) | retry_if_exception_type(NotGoneError),
    stop=stop_after_delay(TIMEOUT_SECONDS),
    wait=wait_fixed(PAUSE_SECONDS),
    before_sleep=waiting.telling(f"the job {JOB} of the last update to be gone"),
)
def _remove(kubeconfig: str) -> None:
    from kubernetes import client

    with readiness.connect(kubeconfig) as api:
        try:
            # Its pods first: one that still runs must not apply what the next update replaces.
            client.BatchV1Api(api).delete_namespaced_job(
                JOB,
                KARMADA_NAMESPACE,
                propagation_policy="Foreground",
                _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS,
            )
        except client.ApiException as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            raise
    raise NotGoneError("it has been told to go, and is there")
