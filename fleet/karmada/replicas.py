"""The wait for a Deployment that was submitted to Karmada: an update is done when all its replicas are ready.

Karmada has no ReplicaSets, at which the Kubernetes provider looks; it sums up the counts of its members. The provider
can be told to wait for counts instead, but then every refresh looks for ReplicaSets and finds the Deployment unhealthy:
only `pulumi.com/skipAwait` is heeded there. So the wait is Fleet's own. docs/decisions/0152 says why a hook begins it,
and 0227 why the program does the waiting.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Output, ResourceHook, ResourceHookArgs, ResourceHookBinding
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_delay,
    wait_fixed,
)

from fleet import waiting
from fleet.lke import readiness

if TYPE_CHECKING:
    from kubernetes import client

TIMEOUT_SECONDS: Final = 600
"""As long as the provider waits for a Deployment by default."""
PAUSE_SECONDS: Final = 1.0


class NotYetError(Exception):
    """Some replicas are missing; the message says how many of what."""


class ReplicasWait:
    """The wait for one Deployment of Karmada's, in an update that creates or changes it."""

    hooks: ResourceHookBinding
    """For the Deployment: they note that this update has created or changed it."""

    def __init__(self, name: str, deployment: str, namespace: str) -> None:
        """Make the hooks.

        Args:
            name: unique among the program's hooks.
            deployment: its name in Karmada.
            namespace: where it is.
        """
        self._deployment = deployment
        self._namespace = namespace
        self._touched = False
        noted = ResourceHook(name, self._note)
        self.hooks = ResourceHookBinding(after_create=[noted], after_update=[noted])

    async def _note(self, _: ResourceHookArgs) -> None:
        self._touched = True

    def begin(self, made: pulumi.Resource, kubeconfig: Output[str]) -> Output[None]:
        """Wait from when the Deployment is as the program has it, beside all else that the update does.

        Args:
            made: the Deployment, with the hooks.
            kubeconfig: Karmada's, YAML text; secret, and never part of a message.
        """

        async def follow(known: dict[str, str]) -> None:
            if self._touched:
                await wait_until_ready(self._deployment, self._namespace, known["kubeconfig"])

        # The engine tells the URN when the hooks have run.
        done: Output[None] = Output.all(made=made.urn, kubeconfig=kubeconfig).apply(follow)
        return done


async def wait_until_ready(deployment: str, namespace: str, kubeconfig: str) -> None:
    """Wait until all replicas of a Deployment's latest template are ready in members.

    Raises:
        pulumi.RunError: when they are not after ten minutes.
    """
    from kubernetes import client

    retrying = AsyncRetrying(
        retry=retry_if_exception(waiting.is_trouble) | retry_if_exception_type(NotYetError),
        stop=stop_after_delay(TIMEOUT_SECONDS),
        wait=wait_fixed(PAUSE_SECONDS),
        before_sleep=waiting.telling(f"all replicas of {deployment} to be ready in its members"),
    )
    with readiness.connect(kubeconfig) as api:
        try:
            # In a thread, and asleep outside of it: an interrupted update must not wait for its end.
            await retrying(asyncio.to_thread, _look, client.AppsV1Api(api), deployment, namespace)
        except RetryError as error:
            reason = waiting.seen(error.last_attempt.exception())
            raise pulumi.RunError(
                f"{deployment} is not ready in all its members after {TIMEOUT_SECONDS // 60} minutes ({reason}). "
                f"In Karmada, `kubectl --namespace {namespace} describe resourcebinding {deployment}-deployment` shows "
                "where it is placed, and what each member reports."
            ) from None


def _look(api: client.AppsV1Api, deployment: str, namespace: str) -> None:
    found = api.read_namespaced_deployment(deployment, namespace, _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS)
    if missing := what_is_missing(found):
        raise NotYetError(missing)


def what_is_missing(deployment: client.V1Deployment) -> str:
    """What keeps a Deployment of Karmada's from being ready, in words; empty where nothing does.

    Pods of the last template count as ready too, so all replicas have to be of this one, and none of another be left.
    """
    wanted = deployment.spec.replicas if deployment.spec else None
    if not wanted:
        return ""
    from kubernetes.client import V1DeploymentStatus

    status = deployment.status or V1DeploymentStatus()
    generation = (deployment.metadata and deployment.metadata.generation) or 0
    # pkg/resourceinterpreter/default/native/aggregatestatus.go: Karmada raises it when all members have.
    if (status.observed_generation or 0) < generation:
        return "some members have not reported on its latest template"
    counts = {
        "there": status.replicas or 0,
        "of its latest template": status.updated_replicas or 0,
        "ready": status.ready_replicas or 0,
    }
    wrong = [f"{count} {what}" for what, count in counts.items() if count != wanted]
    return f"of {wanted} replicas {', '.join(wrong)}" if wrong else ""
