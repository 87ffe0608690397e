"""The gates between a cluster that Linode reports as created and one that takes objects, and before Karmada's API.

Linode answers before the API server's name resolves everywhere. During an update Fleet waits here, so that nothing is
put into a cluster that would refuse it; a preview never waits. docs/decisions/0001 says why this is not a resource.

The Kubernetes client is a third of what the whole program imports. It is imported where a cluster is asked, here and in
every other module, so that a preview does without it.
"""

from __future__ import annotations

import contextlib
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import pulumi
import yaml
from tenacity import retry, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_exponential

from fleet import waiting

if TYPE_CHECKING:
    from kubernetes import client

TIMEOUT_SECONDS: Final = 900
LET_IN_SECONDS: Final = 300
"""How long a NodeBalancer may take to find Karmada's API behind it."""
REQUEST_TIMEOUT_SECONDS: Final = 10


class NotReadyError(Exception):
    """A cluster that answers, but has no Ready node yet."""


class RefusedError(Exception):
    """A cluster that answers, and does not take the credentials, or lets them do nothing: no waiting mends that."""


async def wait_until_ready(name: str, kubeconfig: str) -> str:
    """Wait until the API server lists a Ready node; then give the kubeconfig back.

    Args:
        name: of the cluster, for messages.
        kubeconfig: YAML text; secret, and never part of a message.

    Raises:
        pulumi.RunError: when the cluster is not ready after 15 minutes, or at once where it refuses the credentials.
    """
    if pulumi.runtime.is_dry_run():
        return kubeconfig
    try:
        await waiting.persist(
            partial(_poll, name),
            kubeconfig,
            lambda reason: (
                f"cluster {name!r} did not become ready in {TIMEOUT_SECONDS // 60} minutes ({reason}). Is this machine "
                f"in clusters.{name}.acl, and does the pool have nodes? `pulumi up` again goes on from here."
            ),
        )
    except RefusedError as error:
        raise pulumi.RunError(str(error)) from None
    return kubeconfig


async def wait_until_let_in(kubeconfig: str) -> str:
    """Wait until Karmada's API answers this machine, whatever it answers; then give the kubeconfig back.

    Raises:
        pulumi.RunError: when it does not in 5 minutes.
    """
    await waiting.persist(
        _knock,
        kubeconfig,
        lambda reason: (
            f"Karmada's API did not answer this machine in {LET_IN_SECONDS // 60} minutes ({reason}). Is the network "
            "that it comes from in karmada.acl? Add it, and `pulumi up` again goes on from here."
        ),
    )
    return kubeconfig


@retry(
    retry=retry_if_exception(waiting.is_trouble),
    stop=stop_after_delay(LET_IN_SECONDS),
    wait=wait_exponential(multiplier=0.5, max=5),
    before_sleep=waiting.telling("Karmada's API to let this machine in (karmada.acl)"),
)
def _knock(kubeconfig: str) -> None:
    from kubernetes import client

    with connect(kubeconfig) as api, contextlib.suppress(client.ApiException):
        client.VersionApi(api).get_code(_request_timeout=REQUEST_TIMEOUT_SECONDS)


@retry(
    retry=retry_if_exception(waiting.is_trouble) | retry_if_exception_type(NotReadyError),
    stop=stop_after_delay(TIMEOUT_SECONDS),
    wait=wait_exponential(multiplier=0.5, max=5),
    before_sleep=waiting.telling(lambda name, _: f"a Ready node of cluster {name!r}"),
)
def _poll(name: str, kubeconfig: str) -> None:
    from kubernetes import client

    with connect(kubeconfig) as api:
        try:
            nodes = client.CoreV1Api(api).list_node(_request_timeout=REQUEST_TIMEOUT_SECONDS).items
        except client.ApiException as error:
            if waiting.is_refused(error):
                raise RefusedError(refusal(name, error)) from None
            raise
    if not any(_is_ready(node) for node in nodes):
        raise NotReadyError("it answers, and has none")


def refusal(name: str, error: client.ApiException) -> str:
    """What a cluster's refusal of the kubeconfig that the state has means, and what mends it."""
    what = "does not take" if error.status == HTTPStatus.UNAUTHORIZED else "lets nobody do anything with"
    return (
        f"cluster {name!r} answers, and {what} the kubeconfig that the stack's state has ({waiting.seen(error)}): it "
        "was reset or revoked at Linode, or has expired. "
        f"`pulumi refresh --target '**::{name}-cluster'` reads the one that is valid now, and `pulumi up` gives it to "
        "everything. If Linode has no other, reset it there first (docs/day-two.md#a-clusters-kubeconfig)."
    )


def connect(kubeconfig: str) -> client.ApiClient:
    """A client of a cluster, which retries nothing by itself.

    Raises:
        pulumi.RunError: when the kubeconfig cannot be read.
    """
    from kubernetes import client

    from fleet.lke.api_client import UnusableKubeconfigError, make_api_client

    try:
        return make_api_client(yaml.safe_load(kubeconfig), configuration=client.Configuration(retries=False))
    except (UnusableKubeconfigError, yaml.YAMLError):
        # What YAML cannot be read is quoted by its error, and so credentials.
        raise pulumi.RunError("Linode returned a kubeconfig that cannot be read") from None


def _is_ready(node: client.V1Node) -> bool:
    conditions = (node.status and node.status.conditions) or ()
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
