"""Objects and releases whose cluster is gone: what a refresh and a deletion make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.plugins.framework import ProviderError
from sandbox.plugins.kubernetes import settings
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.helm import Helm, ReleaseType
from sandbox.plugins.kubernetes.object_type import ObjectType
from tests.plugins.calls import Calls

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plugins.framework import ResourceType

_GONE = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: u, user: {token: t}}]
"""
_OBJECT = "kubernetes:core/v1:ConfigMap"
_RECORDED = {"name": "settings", "namespace": "default"}


def _no_helm() -> Path:
    raise AssertionError("a cluster that is gone is not asked by Helm")


@pytest.fixture(params=[_OBJECT, ReleaseType.token])
def kind(request: pytest.FixtureRequest) -> str:
    """An object, and a release."""
    found: str = request.param
    return found


def _calls(kind: str, **arguments: bool) -> Calls:
    chosen = settings.read({"kubeconfig": _GONE, **arguments}, {})
    connection = Connection(chosen)
    resource: ResourceType = ObjectType(kind, chosen, connection)
    if kind == ReleaseType.token:
        resource = ReleaseType(chosen, connection, Helm(locate=_no_helm))
    return Calls(resource)


def test_a_refresh_fails_and_names_the_way_out(kind: str) -> None:
    with pytest.raises(ProviderError, match=r"refused.*PULUMI_K8S_DELETE_UNREACHABLE"):
        _calls(kind).read("default/settings", outputs=_RECORDED)


def test_a_refresh_drops_it_where_that_is_asked_for(kind: str) -> None:
    assert _calls(kind, deleteUnreachable=True).read("default/settings", outputs=_RECORDED) is None


def test_a_refresh_keeps_what_was_recorded_where_that_is_asked_for(kind: str) -> None:
    found = _calls(kind, skipUpdateUnreachable=True).read("default/settings", outputs=_RECORDED)
    assert found is not None
    assert found.outputs == _RECORDED


def test_an_update_leaves_it_as_it_was_recorded_where_that_is_asked_for(kind: str) -> None:
    assert _calls(kind, skipUpdateUnreachable=True).checked(_RECORDED, name="another") == _RECORDED


def test_a_deletion_forgets_an_object_where_that_is_asked_for_and_fails_otherwise() -> None:
    _calls(_OBJECT, deleteUnreachable=True).delete("default/settings", _RECORDED)
    with pytest.raises(ProviderError, match="cluster is unreachable"):
        _calls(_OBJECT).delete("default/settings", _RECORDED)


def test_a_deletion_of_a_release_fails_whatever_is_asked_for() -> None:
    for asked in (True, False):
        with pytest.raises(ProviderError, match="with unreachable cluster"):
            _calls(ReleaseType.token, deleteUnreachable=asked).delete("default/settings", _RECORDED)
