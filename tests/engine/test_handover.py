"""The hand-over from a former agent on a real API server, which is member and Karmada in one and has no controllers."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from kubernetes import client

from fleet.karmada import handover
from fleet.lke.api_client import make_api_client
from operations.waiting import holds_within
from tests.plugins.kubernetes.control_plane import ControlPlane

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine
SYSTEM: Final = "karmada-system"
REGISTRY: Final = "karmada-cluster"
EXECUTION: Final = "karmada-es-eu"
KINDS: Final = (("cluster.karmada.io", "clusters", "Cluster"), ("work.karmada.io", "works", "Work"))
ROLE: Final = "karmada-controller-manager:karmada-eu"
ACCOUNTS: Final = ("karmada-eu", "karmada-impersonator")


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        yield running


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[client.ApiClient]:
    """A member with a former agent that has reported, and a new one that is ready."""
    with make_api_client(control_plane.kubeconfig_document()) as api:
        _define(api)
        core, rbac = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
        for namespace in (SYSTEM, REGISTRY, EXECUTION):
            core.create_namespace(_named(namespace))
        for name in ("karmada-agent", "fleet-karmada-agent"):
            _deploy(client.AppsV1Api(api), name)
        lease: Any = _named("karmada-agent-eu") | {"spec": {"holderIdentity": "karmada-agent-6f7-x2_1a"}}
        client.CoordinationV1Api(api).create_namespaced_lease(SYSTEM, lease)
        rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE}
        rbac.create_cluster_role(_named(ROLE) | {"rules": rules})
        rbac.create_cluster_role_binding(_named(ROLE) | {"roleRef": reference, "subjects": []})
        for account in ACCOUNTS:
            core.create_namespaced_service_account(REGISTRY, _named(account))
        for secret in (*ACCOUNTS, "eu", "eu-impersonator", "of-a-user"):
            core.create_namespaced_secret(REGISTRY, _named(secret))
        references = {"secretRef": {"name": "eu"}, "impersonatorSecretRef": {"name": "eu-impersonator"}}
        objects = client.CustomObjectsApi(api)
        objects.create_cluster_custom_object(
            *handover.CLUSTERS, _custom("cluster.karmada.io", "Cluster", "eu", {"syncMode": "Pull"} | references)
        )
        for work in (*handover.IMPERSONATION_WORKS, "hello"):
            objects.create_namespaced_custom_object(
                *handover.WORKS, EXECUTION, "works", _custom("work.karmada.io", "Work", work, {})
            )
        yield api


def _named(name: str) -> Any:
    return {"metadata": {"name": name}}


def _custom(group: str, kind: str, name: str, spec: dict[str, Any]) -> Any:
    return _named(name) | {"apiVersion": f"{group}/v1alpha1", "kind": kind, "spec": spec}


def _define(api: client.ApiClient) -> None:
    definitions = client.ApiextensionsV1Api(api)
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    for group, plural, kind in KINDS:
        scope = "Cluster" if kind == "Cluster" else "Namespaced"
        names = {"plural": plural, "singular": kind.lower(), "kind": kind}
        spec = {"group": group, "scope": scope, "names": names, "versions": [version]}
        definitions.create_custom_resource_definition(_named(f"{plural}.{group}") | {"spec": spec})

        def served(group: str = group, plural: str = plural) -> bool:
            try:
                client.CustomObjectsApi(api).list_cluster_custom_object(group, "v1alpha1", plural)
            except client.ApiException:
                return False
            return True

        assert holds_within(served, seconds=30, pause_seconds=0.1)


def _deploy(apps: client.AppsV1Api, name: str) -> None:
    labels = {"app": name}
    container = {"name": "main", "image": "registry.k8s.io/pause:3.10"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    apps.create_namespaced_deployment(SYSTEM, _named(name) | {"spec": spec})
    status = {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    apps.patch_namespaced_deployment_status(name, SYSTEM, {"status": status})


def test_nothing_that_a_former_agent_reported_is_left_and_its_lease_is_free(
    api: client.ApiClient, control_plane: ControlPlane
) -> None:
    kubeconfig = json.dumps(control_plane.kubeconfig_document())
    for _ in ("an update", "a later one"):
        asyncio.run(handover.hand_over("eu", kubeconfig, kubeconfig))
    apps, core, rbac = client.AppsV1Api(api), client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
    replicas = [
        apps.read_namespaced_deployment(name, SYSTEM).spec.replicas for name in ("karmada-agent", "fleet-karmada-agent")
    ]
    assert replicas == [0, 1]
    lease: Any = client.CoordinationV1Api(api).read_namespaced_lease("karmada-agent-eu", SYSTEM)
    assert lease.spec.holder_identity is None
    assert ROLE not in _names(rbac.list_cluster_role()) | _names(rbac.list_cluster_role_binding())
    assert _names(core.list_namespaced_service_account(REGISTRY)) == set()
    assert _names(core.list_namespaced_secret(REGISTRY)) == {"of-a-user"}
    objects = client.CustomObjectsApi(api)
    cluster: Any = objects.get_cluster_custom_object(*handover.CLUSTERS, "eu")
    assert cluster["spec"] == {"syncMode": "Pull"}
    works: Any = objects.list_namespaced_custom_object(*handover.WORKS, EXECUTION, "works")
    assert [work["metadata"]["name"] for work in works["items"]] == ["hello"]


def _names(found: Any) -> set[str]:
    return {item.metadata.name for item in found.items}
