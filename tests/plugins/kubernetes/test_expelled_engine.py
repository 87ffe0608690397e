"""What an update does with a cluster that it must not reach any more: it forgets, and changes nothing there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.engine.project import CHECKOUT
from sandbox.plugins.kubernetes.kinds import Kind
from tests.plugins.kubernetes.charts import write_chart

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plugins.kubernetes.cluster import Cluster
    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine

_CONFIG_MAP = Kind("", "v1", "ConfigMap")
_BEFORE = """
    from cluster import *

    member = pulumi.ComponentResource("test:index:Member", "member")
    inside = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(parent=member))
    k8s.helm.v3.Release("app", name="app", chart={chart!r}, timeout=30, opts=inside)
    note = k8s.core.v1.ConfigMap("note", metadata={{"name": "note"}}, data={{"a": "b"}}, opts=inside)
    k8s.core.v1.ConfigMap.get("read", id=note.id, opts=inside)
    k8s.core.v1.ConfigMapPatch("patch", metadata={{"name": note.metadata.name, "labels": {{"c": "d"}}}}, opts=inside)
"""
_OUT_OF_REACH = f"""
    import sys

    sys.path.insert(0, {str(CHECKOUT)!r})

    import pulumi
    import pulumi_kubernetes as k8s
    from fleet import charts
    from fleet.kubeconfig import nowhere

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
def expelled(kubernetes_stack: Stack, cluster: Cluster, space: str, tmp_path: Path) -> Stack:
    """A stack with a release and objects in a cluster, whose provider reaches nothing from now on."""
    kubernetes_stack.program(_BEFORE.format(chart=str(write_chart(tmp_path))))
    kubernetes_stack.up()
    assert names(cluster, space) == ["app", "note"]
    kubernetes_stack.program(_OUT_OF_REACH, file="cluster.py")
    return kubernetes_stack


def names(cluster: Cluster, space: str) -> list[str]:
    """The ConfigMaps that really are there: one of the release, and one beside it."""
    found = [one["metadata"]["name"] for one in cluster.list_objects(_CONFIG_MAP, space)]
    return sorted(name for name in found if name != "kube-root-ca.crt")


def test_what_is_in_an_expelled_cluster_is_forgotten_within_two_updates_and_stays_there(
    expelled: Stack, cluster: Cluster, space: str
) -> None:
    expelled.program(_KEPT)
    first = expelled.up()
    assert first.operations["app"] == ["same"], "a release is kept as it was recorded"
    assert first.operations["note"] == first.operations["patch"] == ["delete"]
    assert set(expelled.resources) == {"app", "member"}
    expelled.program(_NOTHING)
    expelled.up()
    assert expelled.resources == {}
    assert names(cluster, space) == ["app", "note"], "and nobody has touched them"
    [note] = [one for one in cluster.list_objects(_CONFIG_MAP, space) if one["metadata"]["name"] == "note"]
    assert note["metadata"]["labels"] == {"c": "d"}


def test_a_release_that_is_not_kept_first_is_in_the_way(expelled: Stack, cluster: Cluster, space: str) -> None:
    expelled.program(_NOTHING)
    failed = expelled.failing_up()
    assert "can't delete Helm Release with unreachable cluster" in "\n".join(failed.errors)
    assert names(cluster, space) == ["app", "note"]


def test_a_stack_is_destroyed_without_an_expelled_cluster_s_help(expelled: Stack, cluster: Cluster, space: str) -> None:
    expelled.program(_KEPT)
    expelled.up()
    expelled.destroy()
    assert names(cluster, space) == ["app", "note"]
