"""Helm releases whose last operation was cut off: pending for ever, to Helm, which refuses the next one.

Helm records an operation before it does it (helm.sh/helm/v3/pkg/action/upgrade.go), as a Secret whose status is
pending. An engine that was killed leaves it so, and every later upgrade ends with "another operation is in progress".
Here nobody else works: whoever updates holds the stack's lock. What was cut off is recorded as failed, from which Helm
goes on, whether it was an upgrade or the installation.

Releases that are left to go with their cluster leave the state first. Where a destroy breaks off before it is
deleted, they are there and the state has none, and Helm installs nothing under a name that it knows. So Helm forgets
them too, and takes over what it finds with their mark on it.
"""

from __future__ import annotations

import base64
import gzip
import json
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from fleet import waiting
from fleet.lke import readiness

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pulumi import Output

PENDING: Final = ("pending-install", "pending-upgrade", "pending-rollback")
FAILED: Final = "failed"
"""Statuses as Helm spells them (helm.sh/helm/v3/pkg/release/status.go)."""
TIMEOUT_SECONDS: Final = 60
PAUSE_SECONDS: Final = 1.0


def before_update(name: str, kubeconfig: Output[str]) -> ResourceHookBinding:
    """A hook for a release, which an update of it runs first.

    Args:
        name: of the release's resource.
        kubeconfig: of its cluster, YAML text.
    """
    return ResourceHookBinding(before_update=[_hook(f"{name}-pending", kubeconfig, settle)])


def before_create(name: str, kubeconfig: Output[str]) -> ResourceHookBinding:
    """A hook for a release that goes with its cluster, which its installation runs first.

    Args:
        name: of the release's resource.
        kubeconfig: of its cluster, YAML text.
    """
    return ResourceHookBinding(before_create=[_hook(f"{name}-forgotten", kubeconfig, forget)])


def _hook(name: str, kubeconfig: Output[str], act: Callable[[str, str, str], Awaitable[None]]) -> ResourceHook:
    async def run(args: ResourceHookArgs) -> None:
        release = args.new_inputs or {}
        await act(str(await kubeconfig.future()), str(release["namespace"]), str(release["name"]))

    return ResourceHook(name, run)


async def settle(kubeconfig: str, namespace: str, release: str) -> None:
    """Record as failed what was cut off of a release, if anything was.

    Args:
        kubeconfig: YAML text; secret, and never part of a message.
        namespace: where the release is.
        release: its name.

    Raises:
        pulumi.RunError: when the cluster cannot be asked for a minute.
    """
    await waiting.persist(
        partial(_settle, namespace=namespace, release=release),
        kubeconfig,
        lambda reason: (
            f"whether an operation of the release {namespace}/{release} was cut off could not be found out in "
            f"{TIMEOUT_SECONDS} s ({reason}); `pulumi up` again goes on from here."
        ),
    )


async def forget(kubeconfig: str, namespace: str, release: str) -> None:
    """Remove Helm's records of a release that the stack does not have, and nothing of what it made.

    Args:
        kubeconfig: YAML text; secret, and never part of a message.
        namespace: where the release is.
        release: its name.

    Raises:
        pulumi.RunError: when the cluster cannot be asked for a minute.
    """
    await waiting.persist(
        partial(_forget, namespace=namespace, release=release),
        kubeconfig,
        lambda reason: (
            f"whether a destroy that broke off has left the release {namespace}/{release} could not be found out in "
            f"{TIMEOUT_SECONDS} s ({reason}); `pulumi up` again goes on from here."
        ),
    )


_asking: Final = retry(
    retry=retry_if_exception(waiting.is_trouble),
    stop=stop_after_delay(TIMEOUT_SECONDS),
    wait=wait_fixed(PAUSE_SECONDS),
    before_sleep=waiting.telling(lambda _, namespace, release: f"an answer about the release {namespace}/{release}"),
)


@_asking
def _forget(kubeconfig: str, *, namespace: str, release: str) -> None:
    from kubernetes import client

    with readiness.connect(kubeconfig) as api:
        secrets = client.CoreV1Api(api)
        found = secrets.list_namespaced_secret(
            namespace,
            label_selector=f"owner=helm,name={release}",
            _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS,
        )
        for secret in found.items:
            if secret.metadata is None:
                continue
            name = str(secret.metadata.name)
            try:
                secrets.delete_namespaced_secret(name, namespace, _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS)
            except client.ApiException as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
            pulumi.log.info(f"{name}: a destroy that broke off left this release; Helm takes over what is there of it")


@_asking
def _settle(kubeconfig: str, *, namespace: str, release: str) -> None:
    from kubernetes import client

    selector = f"owner=helm,name={release},status in ({','.join(PENDING)})"
    with readiness.connect(kubeconfig) as api:
        secrets = client.CoreV1Api(api)
        found = secrets.list_namespaced_secret(
            namespace, label_selector=selector, _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS
        )
        for secret in found.items:
            if secret.metadata is None or secret.data is None:
                continue
            name, content = str(secret.metadata.name), failed(str(secret.data["release"]))
            body = {"metadata": {"labels": {"status": FAILED}}, "data": {"release": content}}
            secrets.patch_namespaced_secret(name, namespace, body, _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS)
            pulumi.log.info(f"{name}: this operation of {namespace}/{release} was cut off; Helm goes on from it")


def failed(data: str) -> str:
    """A release as its Secret has it, with another status: JSON, compressed, encoded by Helm and once more as a Secret.

    https://github.com/helm/helm/blob/v3.20.2/pkg/storage/driver/util.go
    """
    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(data))))
    release["info"] |= {"status": FAILED, "description": "cut off"}
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
