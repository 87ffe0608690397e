"""The hand-over of a member from the agent that an earlier Fleet installed, once, while that fleet is updated.

That agent was a release of Karmada's chart. The update uninstalls it last of all, but it ends here, when the new one
is ready to take its place; then what it had reported is taken back. docs/decisions/0135 says why this is a hook. Every
step looks at what there is, so a run that breaks off is taken up by the next update.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding
from tenacity import RetryError, retry, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_fixed

from fleet import waiting
from fleet.karmada.access import election_lease
from fleet.lke import readiness
from fleet.naming import AGENT, KARMADA_CLUSTER_NAMESPACE, KARMADA_NAMESPACE, execution_namespace

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes import client

    from fleet.karmada.control_plane import KarmadaControlPlane
    from fleet.lke.cluster import LkeCluster

FORMER: Final = "karmada-agent"
"""The chart's name for its agent (charts/karmada/templates/karmada-agent.yaml, of a release of this name)."""
TIMEOUT_SECONDS: Final = 300
PAUSE_SECONDS: Final = 0.5
CLUSTERS: Final = ("cluster.karmada.io", "v1alpha1", "clusters")
WORKS: Final = ("work.karmada.io", "v1alpha1")
NOTHING_REPORTED: Final = {"spec": {"secretRef": None, "impersonatorSecretRef": None}}
IMPERSONATION_WORKS: Final = ("karmada-impersonator-7cbb6bd5c9", "karmada-impersonator-84f8c8f8c6")
"""The Works that bring ClusterRole and ClusterRoleBinding karmada-impersonator to a member.

pkg/controllers/unifiedauth makes them for a member with an impersonator's token, and pkg/util/names, GenerateWorkName,
names them: by a hash of name and kind, the same in every fleet.
"""


class NotYetError(Exception):
    """What has to come about first; the message says what that is."""


def before_update(name: str, member: LkeCluster, control_plane: KarmadaControlPlane) -> ResourceHookBinding:
    """A hook for the member's Cluster object, which an update changes after its new agent is there."""

    async def run(_: ResourceHookArgs) -> None:
        kubeconfigs = await member.kubeconfig.future(), await control_plane.program_kubeconfig.future()
        await hand_over(member.name, *map(str, kubeconfigs))

    return ResourceHookBinding(before_update=[ResourceHook(f"{name}-handover", run)])


async def hand_over(member: str, kubeconfig: str, karmada_kubeconfig: str) -> None:
    """Let the new agent report in place of the former one, and take back what that one has reported.

    Args:
        member: its name.
        kubeconfig: the member's, YAML text; secret, as the next one, and neither is ever part of a message.
        karmada_kubeconfig: the program's own in Karmada.

    Raises:
        pulumi.RunError: when it is not done after five minutes; whichever agent reports then goes on reporting.
    """
    try:
        await asyncio.to_thread(_hand_over, member, kubeconfig, karmada_kubeconfig)
    except RetryError as error:
        reason = waiting.seen(error.last_attempt.exception())
        raise pulumi.RunError(
            f"member {member!r} was not handed over to its new agent in {TIMEOUT_SECONDS // 60} minutes ({reason}). "
            f"`kubectl --namespace {KARMADA_NAMESPACE} get pods` in it shows both; `pulumi up` again goes on from here."
        ) from None


@retry(
    retry=retry_if_exception(waiting.is_trouble) | retry_if_exception_type(NotYetError),
    stop=stop_after_delay(TIMEOUT_SECONDS),
    wait=wait_fixed(PAUSE_SECONDS),
    before_sleep=waiting.telling(lambda member, *_: f"the new agent of {member!r} to take over"),
)
def _hand_over(member: str, kubeconfig: str, karmada_kubeconfig: str) -> None:
    from kubernetes import client

    with readiness.connect(kubeconfig) as in_member, readiness.connect(karmada_kubeconfig) as in_karmada:
        if _stop_former(client.AppsV1Api(in_member), client.CoreV1Api(in_member)):
            _free_lease(client.CoordinationV1Api(in_karmada), member)
        # A former agent that started anew would make them again, so it has to be gone.
        _take_back_in_member(in_member, member)
        _take_back_in_karmada(in_karmada, member)


def _stop_former(apps: client.AppsV1Api, core: client.CoreV1Api) -> bool:
    """End the former agent as soon as the new one is ready; whether there was one.

    Raises:
        NotYetError: when the one is not ready, or the other not gone.
    """
    former = _found(apps.read_namespaced_deployment, FORMER, KARMADA_NAMESPACE)
    if former is None:
        return False
    if former.spec.replicas:
        agent = _found(apps.read_namespaced_deployment, AGENT, KARMADA_NAMESPACE)
        if agent is None or not _is_ready(agent):
            raise NotYetError("the new agent is not ready, and the former one reports")
        # Its release still has it, and uninstalls it.
        _call(apps.patch_namespaced_deployment, FORMER, KARMADA_NAMESPACE, {"spec": {"replicas": 0}})
    labels = ",".join(f"{label}={value}" for label, value in former.spec.selector.match_labels.items())
    if _call(core.list_namespaced_pod, KARMADA_NAMESPACE, label_selector=labels).items:
        raise NotYetError("the former agent has not ended")
    return True


def _is_ready(deployment: Any) -> bool:
    status = deployment.status
    return bool(status.available_replicas and status.observed_generation == deployment.metadata.generation)


def _free_lease(leases: client.CoordinationV1Api, member: str) -> None:
    """Agents do not give up the lease by which they lead when they end; without this it takes 15 s to run out."""
    lease = _found(leases.read_namespaced_lease, election_lease(member), KARMADA_NAMESPACE)
    # A leader is called after its pod.
    if lease is None or not (lease.spec.holder_identity or "").startswith(f"{FORMER}-"):
        return
    # Of this version alone: whoever has taken it meanwhile keeps it.
    freed = {"metadata": {"resourceVersion": lease.metadata.resource_version}, "spec": {"holderIdentity": None}}
    _call(leases.patch_namespaced_lease, lease.metadata.name, KARMADA_NAMESPACE, freed)


def _take_back_in_member(api: client.ApiClient, member: str) -> None:
    """Remove the accounts whose tokens were reported (pkg/util/credential.go, ObtainCredentialsFromMemberCluster)."""
    from kubernetes import client

    core, rbac = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
    role = f"karmada-controller-manager:karmada-{member}"
    _remove(rbac.delete_cluster_role_binding, role)
    _remove(rbac.delete_cluster_role, role)
    for account in (f"karmada-{member}", "karmada-impersonator"):
        _remove(core.delete_namespaced_secret, account, KARMADA_CLUSTER_NAMESPACE)
        _remove(core.delete_namespaced_service_account, account, KARMADA_CLUSTER_NAMESPACE)


def _take_back_in_karmada(api: client.ApiClient, member: str) -> None:
    """Remove what was reported, and what Karmada has made of it; the new agent takes that out of the member."""
    from kubernetes import client

    core, objects = client.CoreV1Api(api), client.CustomObjectsApi(api)
    # First, since Karmada makes those Works for a member with such a reference.
    _call(objects.patch_cluster_custom_object, *CLUSTERS, member, NOTHING_REPORTED)
    for secret in (member, f"{member}-impersonator"):
        _remove(core.delete_namespaced_secret, secret, KARMADA_CLUSTER_NAMESPACE)
    for work in IMPERSONATION_WORKS:
        _remove(objects.delete_namespaced_custom_object, *WORKS, execution_namespace(member), "works", work)


def _call(request: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    return request(*arguments, **options, _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS)


def _found(read: Callable[..., Any], *arguments: str) -> Any:
    """What is there; None where nothing is."""
    from kubernetes.client import ApiException

    try:
        return _call(read, *arguments)
    except ApiException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _remove(delete: Callable[..., Any], *arguments: str) -> None:
    _found(delete, *arguments)
