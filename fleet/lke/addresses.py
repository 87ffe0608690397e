"""Addresses of load balancers, as the cluster's cloud controller reports them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pulumi import Output
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from fleet import waiting
from fleet.lke import readiness

if TYPE_CHECKING:
    import pulumi_kubernetes as kubernetes
    from kubernetes import client

TIMEOUT_SECONDS: Final = 60
PAUSE_SECONDS: Final = 1.0


def published(status: kubernetes.core.v1.outputs.ServiceStatus | client.V1ServiceStatus | None) -> str:
    """Where a load balancer is reached: by its first address, or by its host name where it has no address."""
    ingress = status and status.load_balancer and status.load_balancer.ingress
    found = (ingress[0].ip or ingress[0].hostname) if ingress else None
    if not found:
        raise ValueError("the load balancer has no address yet; run `pulumi up` again")
    return str(found)


async def asked(kubeconfig: str, namespace: str, service: str) -> str:
    """Where a Service's load balancer is reached now, by what its cluster says.

    Args:
        kubeconfig: the cluster's, YAML text; secret, and never part of a message.
        namespace: where the Service is.
        service: its name.

    Raises:
        pulumi.RunError: when the cluster does not tell within a minute.
    """
    status = await waiting.persist(
        partial(_status, namespace=namespace, service=service),
        kubeconfig,
        lambda reason: (
            f"the cluster did not tell where the load balancer of {namespace}/{service} is reached ({reason}); "
            "`pulumi up` again goes on from here."
        ),
    )
    return published(status)


@retry(
    retry=retry_if_exception(waiting.is_trouble),
    stop=stop_after_delay(TIMEOUT_SECONDS),
    wait=wait_fixed(PAUSE_SECONDS),
    before_sleep=waiting.telling(lambda _, namespace, service: f"the address of {namespace}/{service}"),
)
def _status(kubeconfig: str, namespace: str, service: str) -> client.V1ServiceStatus | None:
    from kubernetes import client

    with readiness.connect(kubeconfig) as api:
        return (
            client.CoreV1Api(api)
            .read_namespaced_service(service, namespace, _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS)
            .status
        )


def later() -> Output[Any]:
    """What only an update can tell; a preview shows it as such."""
    loop = asyncio.get_running_loop()
    value: asyncio.Future[Any] = loop.create_future()
    known: asyncio.Future[bool] = loop.create_future()
    value.set_result(None)
    known.set_result(False)
    return Output(set(), value, known)
