"""The provider's configuration: kubeconfigs, settings, and when a provider is for another cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.plugins.framework import UNKNOWN, DiffRequest, Operation, ProviderError, Secret
from sandbox.plugins.framework.cancellation import Cancellation
from sandbox.plugins.framework.engine_log import EngineLog
from sandbox.plugins.kubernetes import settings
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.errors import UnreachableError
from sandbox.plugins.kubernetes.kubeconfig import KubeconfigError, Overrides, resolve
from sandbox.plugins.kubernetes.provider import KubernetesProvider
from sandbox.plugins.kubernetes.transport import make_client

if TYPE_CHECKING:
    from pathlib import Path

_HIDDEN = "a-key-that-nobody-may-see"


def _kubeconfig(server: str = "https://one:6443", *, token: str = _HIDDEN, namespace: str | None = None) -> str:
    context = {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}
    return json.dumps(
        {
            "current-context": "first",
            "contexts": [{"name": "first", "context": context}, {"name": "other", "context": {"cluster": "d"}}],
            "clusters": [
                {"name": "c", "cluster": {"server": server}},
                {"name": "d", "cluster": {"server": "https://d"}},
            ],
            "users": [{"name": "u", "user": {"token": token}}],
        }
    )


def _replaces(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    operation = Operation(
        urn="urn:pulumi:t::t::pulumi:providers:kubernetes::c", cancellation=Cancellation(), log=EngineLog(None)
    )
    request = DiffRequest(operation=operation, id="id", old_inputs=old, old_outputs=old, inputs=new)
    return KubernetesProvider("4.0.0").diff_config(request).replaces


def test_contents_and_a_path_mean_the_same(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(_kubeconfig(namespace="mine"))
    for given in (str(file), _kubeconfig(namespace="mine")):
        found = resolve(given, Overrides())
        assert (found.context, found.namespace, found.server) == ("first", "mine", "https://one:6443")


def test_the_provider_overrides_the_kubeconfig() -> None:
    found = resolve(_kubeconfig(), Overrides(context="other", namespace="there"))
    assert (found.context, found.namespace, found.server) == ("other", "there", "https://d")
    assert resolve(_kubeconfig(), Overrides(cluster="d")).server == "https://d"


@pytest.mark.parametrize(
    ("given", "overrides"),
    [
        (f"- {_HIDDEN}", Overrides()),
        (f"a: [{_HIDDEN}", Overrides()),
        (_kubeconfig(), Overrides(context="missing")),
        (_kubeconfig(), Overrides(cluster="missing")),
        (_HIDDEN, Overrides()),
    ],
)
def test_an_unusable_kubeconfig_is_never_quoted(given: str, overrides: Overrides) -> None:
    with pytest.raises(KubeconfigError) as raised:
        resolve(given, overrides)
    assert _HIDDEN not in str(raised.value)


def test_another_cluster_in_the_kubeconfig_replaces_the_provider() -> None:
    one, moved = {"kubeconfig": Secret(_kubeconfig())}, {"kubeconfig": Secret(_kubeconfig("https://two:6443"))}
    assert _replaces(one, moved) == ["kubeconfig"]
    assert _replaces(one, {"kubeconfig": Secret(_kubeconfig(token="renewed"))}) == []
    assert _replaces(one, {**one, "context": "other"}) == ["context"]
    assert _replaces(one, {"kubeconfig": UNKNOWN}) == ["kubeconfig"]


def test_with_a_cluster_identifier_nothing_else_replaces_the_provider() -> None:
    one = {"kubeconfig": _kubeconfig(), "clusterIdentifier": "a"}
    assert _replaces(one, {"kubeconfig": _kubeconfig("https://two"), "clusterIdentifier": "a"}) == []
    assert _replaces(one, {"kubeconfig": UNKNOWN, "clusterIdentifier": "a"}) == []
    assert _replaces(one, {**one, "clusterIdentifier": "b"}) == ["clusterIdentifier"]
    assert _replaces(one, {"kubeconfig": _kubeconfig(), "clusterIdentifier": UNKNOWN}) == ["clusterIdentifier"]


def test_starting_to_use_a_cluster_identifier_replaces_nothing() -> None:
    without = {"kubeconfig": _kubeconfig()}
    assert _replaces(without, {**without, "clusterIdentifier": "a"}) == []
    assert _replaces({**without, "clusterIdentifier": "a"}, without) == []


def test_settings_come_from_arguments_before_the_environment() -> None:
    environment = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true", "PULUMI_K8S_ENABLE_SECRET_MUTABLE": "true"}
    found = settings.read({"upsertExistingObjects": "false", "deleteUnreachable": True}, environment)
    assert (found.upsert, found.delete_unreachable, found.mutability.secrets) == (False, True, True)


def test_nested_arguments_arrive_as_json() -> None:
    found = settings.read({"helmReleaseSettings": '{"driver": "configmap"}', "kubeClientSettings": {"burst": 7}}, {})
    assert found.helm.environment == {"HELM_DRIVER": "configmap", "HELM_BURST_LIMIT": "7"}
    with pytest.raises(ProviderError, match="helmReleaseSettings: not valid JSON"):
        settings.read({"helmReleaseSettings": "{"}, {})


def test_an_unknown_kubeconfig_is_no_cluster_and_no_error() -> None:
    connection = Connection(settings.read({"kubeconfig": Secret(UNKNOWN)}, {}))
    assert connection.cluster is None
    with pytest.raises(ProviderError, match="the kubeconfig is not known yet"):
        connection.require()


def test_without_a_kubeconfig_the_one_of_kubectl_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{file}")
    assert "there is none at" in Connection(settings.read({}, {})).reason
    file.write_text(_kubeconfig(namespace="mine"))
    assert Connection(settings.read({}, {})).default_namespace == "mine"


def test_a_kubeconfig_that_cannot_be_used_is_told_without_being_quoted() -> None:
    document = json.loads(_kubeconfig())
    document["users"][0]["user"] = {"client-certificate-data": _HIDDEN, "client-key-data": _HIDDEN}
    with pytest.raises(UnreachableError, match="context 'first' cannot be used") as raised:
        make_client(resolve(json.dumps(document), Overrides()))
    assert _HIDDEN not in str(raised.value)
