"""A kubeconfig that ended outside of Pulumi, and what a refresh of everything makes of it, on a real API server."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pytest
from kubernetes import client
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from fleet.lke.api_client import make_api_client

if TYPE_CHECKING:
    from tests.plugins.engine import Stack
    from tests.plugins.kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.engine

OBJECTS: Final = 3
_WRONG: Final = "PULUMI_K8S_DELETE_UNREACHABLE"
_REACHED: Final = f"""
    from cluster import *

    # Stands for Linode's cluster: its provider reads the kubeconfig that there is.
    cluster = k8s.core.v1.ConfigMap(
        "cluster", metadata={{"name": "cluster"}}, data={{"kubeconfig": config.require_secret("given")}},
        opts=pulumi.ResourceOptions(provider=provider, ignore_changes=["data"]))
    member = k8s.Provider("member", kubeconfig=cluster.data["kubeconfig"], namespace=space,
                          cluster_identifier="member")
    for number in range({OBJECTS}):
        k8s.core.v1.ConfigMap(f"object-{{number}}", metadata={{"name": f"object-{{number}}"}}, data={{"is": "there"}},
                              opts=pulumi.ResourceOptions(provider=member))
"""


def test_a_refresh_reads_with_the_kubeconfig_that_there_is_only_if_it_runs_the_program(
    kubernetes_stack: Stack, control_plane: ControlPlane, api: client.ApiClient, space: str
) -> None:
    stack, core = kubernetes_stack, client.CoreV1Api(api)
    given = _of_an_account(control_plane, api, space)
    stack.secret_config("given", given)
    stack.program(_REACHED)
    stack.up()
    before = {name: found["id"] for name, found in stack.resources.items()}

    core.delete_namespaced_service_account("member", space)
    _wait_until_refused(given)
    core.patch_namespaced_config_map("cluster", space, {"data": {"kubeconfig": control_plane.kubeconfig}})

    refused = stack.failing_up("--refresh")
    assert sum(_WRONG in error for error in refused.errors) == OBJECTS, "by the providers that the state has"
    mended = stack.up("--refresh", "--run-program")
    assert not any(_WRONG in said for said in (*mended.errors, *mended.warnings))
    assert {name: found["id"] for name, found in stack.resources.items()} == before, "nothing was made anew"
    again = stack.up()
    assert {step for steps in again.operations.values() for step in steps} == {"same"}


@retry(retry=retry_if_result(lambda refused: not refused), stop=stop_after_delay(60), wait=wait_fixed(1))
def _wait_until_refused(kubeconfig: str) -> bool:
    """Wait until the API server has forgotten that it knew a token, which takes it ten seconds."""
    with make_api_client(json.loads(kubeconfig)) as reached:
        try:
            client.CoreV1Api(reached).list_namespace()
        except client.ApiException as error:
            return bool(error.status == HTTPStatus.UNAUTHORIZED)
    return False


def _of_an_account(control_plane: ControlPlane, api: client.ApiClient, space: str) -> str:
    """A kubeconfig with the token of a service account, which ends with the account."""
    core, rights = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
    core.create_namespaced_service_account(space, client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="member")))
    rights.create_cluster_role_binding(
        client.V1ClusterRoleBinding(
            metadata=client.V1ObjectMeta(name=space),
            role_ref=client.V1RoleRef(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name="cluster-admin"),
            subjects=[client.RbacV1Subject(kind="ServiceAccount", name="member", namespace=space)],
        )
    )
    asked = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
    made: Any = core.create_namespaced_service_account_token("member", space, asked)
    document = control_plane.kubeconfig_document()
    document["users"][0]["user"] = {"token": made.status.token}
    return json.dumps(document)
