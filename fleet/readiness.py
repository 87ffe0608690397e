"""The gates between a cluster that Linode reports as created and one that takes objects, and before Karmada's API.

Linode answers before the API server's name resolves everywhere. During an update Fleet waits here, so that nothing is
put into a cluster that would refuse it; a preview never waits. docs/decisions/0001 says why this is not a resource.

The Kubernetes client is a third of what the whole program imports. It is imported where a cluster is asked, here and in
every other module, so that a preview does without it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import pulumi
import yaml
from tenacity import RetryError, retry, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_exponential

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes import client

TIMEOUT_SECONDS: Final = 900
LET_IN_SECONDS: Final = 300
"""How long a NodeBalancer may take to find Karmada's API behind it."""
REQUEST_TIMEOUT_SECONDS: Final = 10


class NotReadyError(Exception):
    """A cluster that answers, but has no Ready node yet."""


def is_trouble(error: BaseException) -> bool:
    """Whether it is a request's that was refused, or not answered at all."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    return isinstance(error, ApiException | HTTPError)


async def persist(attempt: Callable[[str], object], kubeconfig: str, told: Callable[[str], str]) -> None:
    """Run what retries by itself on a cluster, in a thread, beside the rest of the program.

    Args:
        attempt: raises tenacity's RetryError when it gives up.
        kubeconfig: what it is called with, YAML text; secret, and never part of a message.
        told: the error's text, by the name of the last exception; its own words might carry a secret.

    Raises:
        pulumi.RunError: when it gives up.
    """
    try:
        await asyncio.to_thread(attempt, kubeconfig)
    except RetryError as error:
        raise pulumi.RunError(told(type(error.last_attempt.exception()).__name__)) from None


async def wait_until_ready(name: str, kubeconfig: str) -> str:
    """Wait until the API server lists a Ready node; then give the kubeconfig back.

    Args:
        name: of the cluster, for messages.
        kubeconfig: YAML text; secret, and never part of a message.

    Raises:
        pulumi.RunError: when the cluster is not ready after 15 minutes.
    """
    if pulumi.runtime.is_dry_run():
        return kubeconfig
    await persist(
        _poll,
        kubeconfig,
        lambda reason: (
            f"cluster {name!r} did not become ready in {TIMEOUT_SECONDS // 60} minutes ({reason}). Is this machine in "
            f"clusters.{name}.acl, and does the pool have nodes? `pulumi up` again goes on from here."
        ),
    )
    return kubeconfig


async def wait_until_let_in(kubeconfig: str) -> str:
    """Wait until Karmada's API answers this machine, whatever it answers; then give the kubeconfig back.

    Raises:
        pulumi.RunError: when it does not in 5 minutes.
    """
    await persist(
        _knock,
        kubeconfig,
        lambda reason: (
            f"Karmada's API did not answer this machine in {LET_IN_SECONDS // 60} minutes ({reason}). Is the network "
            "that it comes from in karmada.acl? Add it, and `pulumi up` again goes on from here."
        ),
    )
    return kubeconfig


@retry(
    retry=retry_if_exception(is_trouble),
    stop=stop_after_delay(LET_IN_SECONDS),
    wait=wait_exponential(multiplier=0.5, max=5),
)
def _knock(kubeconfig: str) -> None:
    from kubernetes import client

    with connect(kubeconfig) as api, contextlib.suppress(client.ApiException):
        client.VersionApi(api).get_code(_request_timeout=REQUEST_TIMEOUT_SECONDS)


@retry(
    retry=retry_if_exception(is_trouble) | retry_if_exception_type(NotReadyError),
    stop=stop_after_delay(TIMEOUT_SECONDS),
    wait=wait_exponential(multiplier=0.5, max=5),
)
def _poll(kubeconfig: str) -> None:
    from kubernetes import client

    with connect(kubeconfig) as api:
        nodes = client.CoreV1Api(api).list_node(_request_timeout=REQUEST_TIMEOUT_SECONDS).items
    if not any(_is_ready(node) for node in nodes):
        raise NotReadyError


def connect(kubeconfig: str) -> client.ApiClient:
    """A client of a cluster, which retries nothing by itself.

    Raises:
        pulumi.RunError: when the kubeconfig cannot be read.
    """
    from kubernetes import client

    from fleet.api_client import UnusableKubeconfigError, make_api_client

    try:
        return make_api_client(yaml.safe_load(kubeconfig), configuration=client.Configuration(retries=False))
    except (UnusableKubeconfigError, yaml.YAMLError):
        # What YAML cannot be read is quoted by its error, and so credentials.
        raise pulumi.RunError("Linode returned a kubeconfig that cannot be read") from None


def _is_ready(node: client.V1Node) -> bool:
    conditions = (node.status and node.status.conditions) or ()
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
