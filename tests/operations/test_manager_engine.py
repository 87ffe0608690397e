"""What backups and restores ask of the manager and of Karmada, against a real API server without nodes."""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import kubernetes
import pytest
from kubernetes.client import V1Namespace, V1ObjectMeta, V1Secret

from fleet.karmada import encryption
from fleet.naming import BACKUP, KARMADA_NAMESPACE
from operations.errors import OperationError
from operations.karmada import making, manager
from operations.karmada.apis import Manager
from operations.karmada.trust import trust
from tests.unit.configs import fleet_of
from tests.unit.graph import build
from tests.unit.test_backup import RECIPIENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

# The API server looks whether it is PEM, and no further.
OLD, NEW = (f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n" for name in ("b2xk", "bmV3"))


@pytest.fixture
def host(bare_manager: Path) -> Iterator[Manager]:
    """The manager, with Karmada's namespace."""
    with closing(Manager(bare_manager)) as found:
        with contextlib.suppress(kubernetes.client.ApiException):  # it is there already
            found.core.create_namespace(V1Namespace(metadata=V1ObjectMeta(name=KARMADA_NAMESPACE)))
        yield found


@contextlib.contextmanager
def _secret(host: Manager, name: str, content: dict[str, str]) -> Iterator[None]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
    host.core.create_namespaced_secret(KARMADA_NAMESPACE, V1Secret(metadata=V1ObjectMeta(name=name), data=data))
    try:
        yield
    finally:
        host.core.delete_namespaced_secret(name, KARMADA_NAMESPACE)


@pytest.fixture
def secret(host: Manager) -> Iterator[None]:
    """Karmada's certificates, as the chart stores them."""
    names = (manager.AUTHORITY, manager.CERTIFICATE, manager.KEY)
    with _secret(host, manager.SECRET, {name: f"content of {name}" for name in names}):
        yield


@pytest.fixture
def cron(host: Manager) -> Iterator[None]:
    """The CronJob as the program makes it."""
    settings = {"bucket": "fleet-backups", "region": "us-east", "recipient": RECIPIENT}
    graph = build(fleet_of(1, layers=["karmada"], karmada={"backup": settings}))
    body: Any = graph.one("kubernetes:batch/v1:CronJob", "karmada-backup-cron").plain()
    host.batch.create_namespaced_cron_job(KARMADA_NAMESPACE, body)
    yield
    host.batch.delete_namespaced_cron_job(BACKUP, KARMADA_NAMESPACE)


def test_a_manager_without_karmada_is_told(host: Manager) -> None:
    with pytest.raises(OperationError, match="Secret karmada-system/karmada-cert: the manager answered 404 Not Found"):
        manager.components(host)


def test_a_kubeconfig_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="leads nowhere"):
        Manager(tmp_path / "none")


@pytest.mark.usefixtures("secret")
def test_a_restore_is_one_of_karmadas_own_components_whose_key_is_not_shown(host: Manager) -> None:
    identity = manager.components(host)
    assert identity.certificate.decode() == f"content of {manager.CERTIFICATE}"
    assert identity.key.decode() == f"content of {manager.KEY}"
    assert manager.KEY not in repr(identity)
    assert manager.authority(host).decode() == f"content of {manager.AUTHORITY}"


def test_a_backup_is_refused_whose_keys_of_encryption_karmada_has_not(host: Manager) -> None:
    keys = [("next", "bmV4dA=="), ("first", "Zmlyc3Q=")]
    names = [encryption.key_name(*key) for key in keys]
    with _secret(host, encryption.SECRET, {encryption.SECRET_KEY: encryption.configuration(keys)}):
        manager.require_keys(host, names[1:], "20261124T091500Z")
        with pytest.raises(OperationError, match=r"20261124T091500Z.* at rest by gone-0, and Karmada has next-.*#keys"):
            manager.require_keys(host, ["gone-0", *names], "20261124T091500Z")
    with pytest.raises(OperationError, match="Karmada has no key"):
        manager.require_keys(host, names, "20261124T091500Z")


def test_a_fleet_that_makes_no_backups_is_told_what_to_configure(host: Manager) -> None:
    with pytest.raises(OperationError, match=r"no CronJob karmada-system/karmada-backup. Set fleet:karmada.backup"):
        making.make(host)


def _end(host: Manager, name: str, condition: str) -> None:
    """A Job's end, which no controller brings about here."""
    now = datetime.now(UTC).isoformat()
    ending = {"type": condition, "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": now}
    before = {"type": f"{'SuccessCriteriaMet' if condition == 'Complete' else 'FailureTarget'}", "status": "True"}
    status: dict[str, Any] = {"startTime": now, "conditions": [before | {"lastTransitionTime": now}, ending]}
    if condition == "Complete":
        status |= {"completionTime": now, "succeeded": 1}
    for _ in range(100):
        try:
            host.batch.patch_namespaced_job_status(name, KARMADA_NAMESPACE, {"status": status})
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.mark.usefixtures("cron")
@pytest.mark.parametrize(("condition", "said"), [("Complete", "made"), ("Failed", None)])
def test_a_backup_by_hand_is_a_job_of_the_cron_job_that_is_waited_for(
    host: Manager, condition: str, said: str | None
) -> None:
    now = datetime.now(UTC)
    name = f"{BACKUP}-{now.strftime('%Y%m%d%H%M%S')}"
    ending = threading.Thread(target=_end, args=(host, name, condition))
    ending.start()
    try:
        if said:
            assert making.make(host, now=now) == said
        else:
            with pytest.raises(OperationError, match=r"Job has failed \(DeadlineExceeded\). See `kubectl.*" + name):
                making.make(host, now=now)
        job: Any = host.batch.read_namespaced_job(name, KARMADA_NAMESPACE)
        [owner] = job.metadata.owner_references
        assert (owner.kind, owner.name, owner.controller) == ("CronJob", BACKUP, True)
        assert job.spec.active_deadline_seconds == 1800, "what the schedule makes, a person makes"
    finally:
        ending.join()
        host.batch.delete_namespaced_job(name, KARMADA_NAMESPACE, propagation_policy="Background")


def test_karmadas_own_servers_are_trusted_by_todays_authority_and_nobody_elses_is_touched(bare_manager: Path) -> None:
    def bundle(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def webhook(name: str, url: str) -> dict[str, Any]:
        return {
            "name": f"{name}.karmada.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Ignore",
            "clientConfig": {"url": url, "caBundle": bundle(OLD)},
        }

    own = f"https://karmada-webhook.{KARMADA_NAMESPACE}.svc:443/mutate-work"
    body: Any = {
        "metadata": {"name": "mutating-config"},
        "webhooks": [webhook("work", own), webhook("guest", "https://guest.example/mutate")],
    }
    with kubernetes.config.new_client_from_config(str(bare_manager)) as client:  # type: ignore[no-untyped-call]
        admission = kubernetes.client.AdmissionregistrationV1Api(client)
        admission.create_mutating_webhook_configuration(body)
        try:
            assert trust(client, NEW.encode()) == 1
            found: Any = admission.read_mutating_webhook_configuration("mutating-config").webhooks
            assert [one.client_config.ca_bundle for one in found] == [bundle(NEW), bundle(OLD)]
            assert trust(client, NEW.encode()) == 0
        finally:
            admission.delete_mutating_webhook_configuration("mutating-config")
