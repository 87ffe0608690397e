"""What `karmada backup` asks of the manager, against a real API server without nodes."""

from __future__ import annotations

import base64
import contextlib
import os
from contextlib import closing
from typing import TYPE_CHECKING

import kubernetes
import pytest
from kubernetes.client import V1Namespace, V1ObjectMeta, V1Secret

from fleet.naming import KARMADA_NAMESPACE
from operations.errors import OperationError
from operations.karmada import manager
from operations.karmada.apis import Manager
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.fixture
def secret(bare_manager: Path) -> Iterator[None]:
    """Karmada's certificates, as the chart stores them."""
    names = (manager.AUTHORITY, manager.CERTIFICATE, manager.KEY)
    data = {name: base64.b64encode(f"content of {name}".encode()).decode() for name in names}
    with kubernetes.config.new_client_from_config(str(bare_manager)) as client:  # type: ignore[no-untyped-call]
        core = kubernetes.client.CoreV1Api(client)
        with contextlib.suppress(kubernetes.client.ApiException):  # it is there already
            core.create_namespace(V1Namespace(metadata=V1ObjectMeta(name=KARMADA_NAMESPACE)))
        body = V1Secret(metadata=V1ObjectMeta(name=manager.SECRET), data=data)
        core.create_namespaced_secret(KARMADA_NAMESPACE, body)
        yield
        core.delete_namespaced_secret(manager.SECRET, KARMADA_NAMESPACE)


def test_a_manager_without_karmada_is_told(bare_manager: Path, tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="Secret karmada-system/karmada-cert: the manager answered 404 Not Found"):
        manager.write_certificates(bare_manager, tmp_path)


def test_a_kubeconfig_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="leads nowhere"):
        manager.write_certificates(tmp_path / "none", tmp_path)


@pytest.mark.usefixtures("secret")
def test_the_certificates_are_those_of_karmadas_own_components(bare_manager: Path, tmp_path: Path) -> None:
    manager.write_certificates(bare_manager, tmp_path)
    assert (tmp_path / manager.KEY).read_text() == f"content of {manager.KEY}"
    assert (tmp_path / manager.AUTHORITY).read_text() == f"content of {manager.AUTHORITY}"


@pytest.mark.usefixtures("secret")
def test_a_restore_is_one_of_karmadas_own_components_whose_key_is_not_shown(bare_manager: Path) -> None:
    with closing(Manager(bare_manager)) as host:
        identity = manager.components(host)
    assert identity.certificate.decode() == f"content of {manager.CERTIFICATE}"
    assert identity.key.decode() == f"content of {manager.KEY}"
    assert manager.KEY not in repr(identity)


@pytest.mark.usefixtures("secret")
def test_an_etcd_that_cannot_be_reached_is_told_in_kubectls_words(
    bare_manager: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(tool_path("kubectl").parent), os.environ["PATH"]]))
    with (
        pytest.raises(OperationError, match=r"Cannot reach Karmada's etcd.*etcd-0"),
        manager.etcd_endpoint(bare_manager),
    ):
        pass
