"""What a restore asks of the manager and of Karmada, on a real API server without controllers."""

from __future__ import annotations

import base64
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import kubernetes
import pytest
import yaml
from kubernetes.client import V1Namespace, V1ObjectMeta, V1ServiceAccount

from fleet.naming import KARMADA_CLUSTER_NAMESPACE, KARMADA_NAMESPACE
from operations.errors import OperationError
from operations.karmada import ownership, restore, workloads
from operations.karmada.apis import Identity, Karmada, Manager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
_HEARD = datetime(2026, 11, 24, 9, 15, 0, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def kubeconfig(bare_manager: Path) -> Path:
    """The kubeconfig of a manager with Karmada's namespace and nothing in it."""
    with closing(Manager(bare_manager)) as manager:
        manager.core.create_namespace(V1Namespace(metadata=V1ObjectMeta(name=KARMADA_NAMESPACE)))
        # No controller makes it, and no pod is admitted without.
        account = V1ServiceAccount(metadata=V1ObjectMeta(name="default"))
        manager.core.create_namespaced_service_account(KARMADA_NAMESPACE, account)
    return bare_manager


@pytest.fixture
def manager(kubeconfig: Path) -> Iterator[Manager]:
    """A manager whose Karmada has an etcd of three members, an API server of two, and a part that is off."""
    manager = Manager(kubeconfig)
    manager.apps.create_namespaced_stateful_set(KARMADA_NAMESPACE, _workload("etcd", 3))
    for name, replicas in (("karmada-apiserver", 2), ("karmada-search", 0)):
        manager.apps.create_namespaced_deployment(KARMADA_NAMESPACE, _workload(name, replicas))
    yield manager
    manager.apps.delete_collection_namespaced_stateful_set(KARMADA_NAMESPACE)
    manager.apps.delete_collection_namespaced_deployment(KARMADA_NAMESPACE)
    manager.close()


@contextmanager
def _pod(manager: Manager) -> Iterator[None]:
    """A pod of etcd's that never goes."""
    pod = _workload("etcd", 1)["spec"]["template"]
    pod["metadata"]["name"] = "etcd-0"
    manager.core.create_namespaced_pod(KARMADA_NAMESPACE, pod)
    try:
        yield
    finally:
        manager.core.delete_namespaced_pod("etcd-0", KARMADA_NAMESPACE, grace_period_seconds=0)


def _workload(name: str, replicas: int) -> Any:
    labels = {"app": name}
    container = {"name": "main", "image": "registry.k8s.io/pause:3.10"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec | ({"serviceName": name} if name == "etcd" else {})}


def _identity(kubeconfig: Path) -> Identity:
    """The administrator's, as Karmada's own components have one."""
    [user] = yaml.safe_load(kubeconfig.read_text())["users"]
    certificate, key = (base64.b64decode(user["user"][f"client-{part}-data"]) for part in ("certificate", "key"))
    return Identity(certificate=certificate, key=key)


def _all(manager: Manager) -> list[workloads.Workload]:
    return [workloads.etcd(manager.apps), *workloads.clients(manager.apps)]


def _spec(workload: workloads.Workload) -> tuple[int, dict[str, str]]:
    found = workload.read(workload.name, KARMADA_NAMESPACE)
    return found.spec.replicas, found.metadata.annotations or {}


def test_all_is_stopped_and_comes_back_as_it_was_after_a_run_that_was_interrupted(manager: Manager) -> None:
    for _ in ("a run that is interrupted", "the next one"):
        for workload in _all(manager):
            workload.stop()
        assert {_spec(workload)[0] for workload in _all(manager)} == {0}
        assert restore.members(manager) == 3, "as many disks are filled as etcd had members"
    for workload in _all(manager):
        workload.start()
        workload.forget()
    found = {workload.name: _spec(workload) for workload in _all(manager)}
    assert found == {"etcd": (3, {}), "karmada-apiserver": (2, {}), "karmada-search": (0, {})}


def test_what_was_scaled_since_a_restore_is_not_scaled_back(manager: Manager) -> None:
    etcd = workloads.etcd(manager.apps)
    etcd.stop()
    etcd.patch(etcd.name, KARMADA_NAMESPACE, {"spec": {"replicas": 5}})
    assert restore.members(manager) == 5


def test_it_is_ready_with_all_its_replicas_and_stopped_without_a_pod(manager: Manager) -> None:
    etcd = workloads.etcd(manager.apps)
    for ready, whole in ((2, False), (3, True)):
        status = {"replicas": 3, "readyReplicas": ready}
        manager.apps.patch_namespaced_stateful_set_status(etcd.name, KARMADA_NAMESPACE, {"status": status})
        assert etcd.ready() is whole
    with _pod(manager):
        assert not etcd.stopped(manager.core)
    assert etcd.stopped(manager.core)


def test_a_manager_that_is_stuck_is_told_with_what_to_look_at(
    manager: Manager, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workloads, "LIMIT_SECONDS", 0.0)
    karmada = Karmada(kubeconfig, _identity(kubeconfig))
    with _pod(manager), pytest.raises(OperationError, match=r"the pods of etcd are gone.*get pods"):
        restore.Restore(manager=manager, karmada=karmada, authority=b"").run(tmp_path, say=print)


def test_a_manager_without_karmada_is_told(manager: Manager) -> None:
    manager.apps.delete_namespaced_stateful_set("etcd", KARMADA_NAMESPACE)
    with pytest.raises(OperationError, match=r"Cannot look at Karmada's etcd.*404"):
        restore.members(manager)


def _define_clusters(kubeconfig: Path) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "clusters", "singular": "cluster", "kind": "Cluster"}
    spec = {"group": "cluster.karmada.io", "scope": "Cluster", "names": names, "versions": [version]}
    definition: Any = {"metadata": {"name": "clusters.cluster.karmada.io"}, "spec": spec}
    with kubernetes.config.new_client_from_config(str(kubeconfig)) as client:  # type: ignore[no-untyped-call]
        kubernetes.client.ApiextensionsV1Api(client).create_custom_resource_definition(definition)
        core = kubernetes.client.CoreV1Api(client)
        core.create_namespace(V1Namespace(metadata=V1ObjectMeta(name=KARMADA_CLUSTER_NAMESPACE)))
        objects = kubernetes.client.CustomObjectsApi(client)
        for name, mode in (("eu", "Pull"), ("us", "Pull"), ("aside", "Push")):
            body = {
                "apiVersion": "cluster.karmada.io/v1alpha1",
                "kind": "Cluster",
                "metadata": {"name": name},
                "spec": {"syncMode": mode},
            }
            workloads.wait(partial(_created, objects, body), "clusters are served")


def _created(objects: kubernetes.client.CustomObjectsApi, body: Any) -> bool:
    try:
        objects.create_cluster_custom_object("cluster.karmada.io", "v1alpha1", "clusters", body)
    except kubernetes.client.ApiException as error:
        if error.status == 404:
            return False
        raise
    return True


def _of_somebody_unknown(kubeconfig: Path, folder: Path) -> Path:
    """The same kubeconfig with a token that no API server has issued."""
    document = yaml.safe_load(kubeconfig.read_text())
    document["users"][0]["user"] = {"token": "of-a-user-whom-the-snapshot-does-not-know"}
    file = folder / "karmada.kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return file


def test_who_reports_is_read_from_the_leases_of_members_with_an_agent_whomever_the_snapshot_lets_in(
    kubeconfig: Path, tmp_path: Path
) -> None:
    _define_clusters(kubeconfig)
    with kubernetes.config.new_client_from_config(str(kubeconfig)) as client:  # type: ignore[no-untyped-call]
        leases = kubernetes.client.CoordinationV1Api(client)
        lease: Any = {
            "metadata": {"name": "eu"},
            "spec": {"holderIdentity": "eu", "renewTime": _HEARD.isoformat()},
        }
        leases.create_namespaced_lease(KARMADA_CLUSTER_NAMESPACE, lease)
    with closing(Karmada(_of_somebody_unknown(kubeconfig, tmp_path), _identity(kubeconfig))) as karmada:
        assert karmada.renewals() == {"eu": _HEARD, "us": None}


ID = "propagationpolicy.karmada.io/permanent-id"


@dataclass(frozen=True)
class _Applied:
    """A config map that field managers apply by the API server, which refuses what is another's."""

    core: kubernetes.client.CoreV1Api
    name: str

    def apply(self, manager: str, data: dict[str, str]) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.name}, "data": data}
        self.core.patch_namespaced_config_map(
            self.name, "default", body, field_manager=manager, _content_type="application/apply-patch+yaml"
        )

    def change(self, **metadata: Any) -> None:
        self.core.patch_namespaced_config_map(self.name, "default", {"metadata": metadata})

    def read(self) -> Any:
        return self.core.read_namespaced_config_map(self.name, "default")

    def close(self) -> None:
        self.core.delete_namespaced_config_map(self.name, "default")


@pytest.fixture
def policy(kubeconfig: Path) -> Iterator[_Applied]:
    """A name for what the tests below apply, taken away after each."""
    with (
        kubernetes.config.new_client_from_config(str(kubeconfig)) as client,  # type: ignore[no-untyped-call]
        closing(_Applied(kubernetes.client.CoreV1Api(client), "policy")) as applied,
    ):
        yield applied


def test_an_update_may_change_what_one_before_the_snapshot_applied_and_nobody_elses_fields(policy: _Applied) -> None:
    policy.apply("pulumi-kubernetes-bdf36be8", {"members": "eu"})
    policy.apply("somebody", {"theirs": "yes"})
    with pytest.raises(kubernetes.client.ApiException, match="Conflict"):
        policy.apply("pulumi-kubernetes-a5462889", {"members": "eu, us"})
    assert ownership.release(policy.core.api_client) == 1
    assert ownership.release(policy.core.api_client) == 0, "nothing is left to do"
    policy.apply("pulumi-kubernetes-a5462889", {"members": "eu, us"})
    with pytest.raises(kubernetes.client.ApiException, match="Conflict"):
        policy.apply("pulumi-kubernetes-a5462889", {"members": "eu, us", "theirs": "no"})
    assert policy.read().data == {"members": "eu, us", "theirs": "yes"}


def test_no_update_after_a_restore_takes_over_what_karmadas_webhooks_wrote(policy: _Applied) -> None:
    policy.apply("pulumi-kubernetes-bdf36be8", {"members": "eu"})
    record = policy.read().metadata.managed_fields
    # What a webhook writes while somebody applies is in nobody's record.
    policy.change(labels={ID: "4a3c"})
    policy.change(managedFields=record)
    assert ownership.release(policy.core.api_client) == 1
    policy.apply("pulumi-kubernetes-a5462889", {"members": "eu, us"})
    metadata = policy.read().metadata
    # The provider takes over what "before-first-apply" has, and would drop the label in the update after this one.
    assert {one.manager for one in metadata.managed_fields} == {ownership.RESTORE, "pulumi-kubernetes-a5462889"}
    assert metadata.labels[ID] == "4a3c"
