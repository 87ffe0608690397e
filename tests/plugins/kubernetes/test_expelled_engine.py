"""What an update does with a cluster that it must not reach any more: it forgets, and changes nothing there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from tests.plugins.kubernetes.charts import write_chart

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine

_BEFORE = """
    from cluster import *

    member = pulumi.ComponentResource("test:index:Member", "member")
    inside = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(parent=member))
    k8s.helm.v3.Release("app", name="app", chart={chart!r}, timeout=30, opts=inside)
    note = k8s.core.v1.ConfigMap("note", metadata={{"name": "note"}}, data={{"a": "b"}}, opts=inside)
    k8s.core.v1.ConfigMap.get("read", id=note.id, opts=inside)
    k8s.core.v1.ConfigMapPatch("patch", metadata={{"name": note.metadata.name, "labels": {{"c": "d"}}}}, opts=inside)
"""
_OUT_OF_REACH = """
    import pulumi
    import pulumi_kubernetes as k8s
    from fleet import charts
    from fleet.lke.kubeconfig import nowhere

    provider = k8s.Provider("cluster", kubeconfig=nowhere("us"), cluster_identifier="test",
                            delete_unreachable=True, skip_update_unreachable=True)
"""
_KEPT = """
    from cluster import *

    member = pulumi.ComponentResource("test:index:Member", "member")
    charts.forgotten("app", pulumi.ResourceOptions(parent=member, provider=provider))
"""
_NOTHING = "from cluster import *"


@pytest.fixture
def expelled(kubernetes_stack: Stack, api: client.ApiClient, space: str, tmp_path: Path) -> Stack:
    """A stack with a release and objects in a cluster, whose provider reaches nothing from now on."""
    kubernetes_stack.program(_BEFORE.format(chart=str(write_chart(tmp_path))))
    kubernetes_stack.up()
    assert names(api, space) == ["app", "note"]
    kubernetes_stack.program(_OUT_OF_REACH, file="cluster.py")
    return kubernetes_stack


def names(api: client.ApiClient, space: str) -> list[str]:
    """The ConfigMaps that really are there: one of the release, and one beside it."""
    return sorted(config_maps(api, space))


def config_maps(api: client.ApiClient, space: str) -> dict[str, dict[str, str]]:
    """The labels of the ConfigMaps by name, apart from the one that Kubernetes puts into every namespace."""
    found: Any = client.CoreV1Api(api).list_namespaced_config_map(space).items
    return {one.metadata.name: one.metadata.labels or {} for one in found if one.metadata.name != "kube-root-ca.crt"}


def test_what_is_in_an_expelled_cluster_is_forgotten_within_two_updates_and_stays_there(
    expelled: Stack, api: client.ApiClient, space: str
) -> None:
    expelled.program(_KEPT)
    first = expelled.up()
    assert first.operations["app"] == ["same"], "a release is kept as it was recorded"
    assert first.operations["note"] == first.operations["patch"] == ["delete"]
    assert set(expelled.resources) == {"app", "member"}
    expelled.program(_NOTHING)
    expelled.up()
    assert expelled.resources == {}
    assert names(api, space) == ["app", "note"], "and nobody has touched them"
    assert config_maps(api, space)["note"] == {"c": "d"}


def test_a_release_that_is_not_kept_first_is_in_the_way(expelled: Stack, api: client.ApiClient, space: str) -> None:
    expelled.program(_NOTHING)
    failed = expelled.failing_up()
    assert "can't delete Helm Release with unreachable cluster" in "\n".join(failed.errors)
    assert names(api, space) == ["app", "note"]


def test_a_stack_is_destroyed_without_an_expelled_cluster_s_help(
    expelled: Stack, api: client.ApiClient, space: str
) -> None:
    expelled.program(_KEPT)
    expelled.up()
    expelled.destroy()
    assert names(api, space) == ["app", "note"]
