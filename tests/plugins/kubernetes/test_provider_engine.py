"""Clusters that are not known yet, or out of reach, as the real engine meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plugins.engine import Stack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine

_CLOSED = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: u, user: {token: a-token-that-nobody-may-see}}]
"""


def test_a_cluster_that_is_not_known_yet_is_previewed_without_contact(tmp_path: Path, plugin_home: Path) -> None:
    stack = Stack(tmp_path, home=plugin_home)
    stack.program("""
        import pulumi
        import pulumi_kubernetes as k8s
        import pulumi_random as random

        later = random.RandomId("later", byte_length=4)
        provider = k8s.Provider("cluster", kubeconfig=later.hex, cluster_identifier="one")
        opts = pulumi.ResourceOptions(provider=provider)
        k8s.core.v1.Namespace("space", opts=opts)
        service = k8s.core.v1.Service("front", spec={"type": "LoadBalancer"}, opts=opts)
        k8s.apiextensions.CustomResource("mesh", api_version="example.com/v1", kind="Mesh", opts=opts)
        k8s.core.v1.NamespacePatch("labels", metadata={"name": "x"}, opts=opts)
        k8s.helm.v3.Release("app", chart="./nothing", opts=opts)
        pulumi.export("address", service.status.load_balancer.ingress[0].ip)
    """)
    preview = stack.preview()
    assert set(preview.operations) == {"later", "space", "front", "mesh", "labels", "app"}


def test_a_cluster_out_of_reach_is_named_with_the_way_out(tmp_path: Path, plugin_home: Path) -> None:
    stack = Stack(tmp_path, home=plugin_home, environment={"KUBE": _CLOSED})
    stack.program("""
        import os
        import pulumi
        import pulumi_kubernetes as k8s

        provider = k8s.Provider("cluster", kubeconfig=pulumi.Output.secret(os.environ["KUBE"]))
        k8s.core.v1.ConfigMap("settings", opts=pulumi.ResourceOptions(provider=provider))
    """)
    assert stack.preview().operations == {"settings": ["create"]}
    failed = stack.failing_up()
    errors = "\n".join(failed.errors)
    assert "configured Kubernetes cluster is unreachable: the API server at https://127.0.0.1:9" in errors
    assert "Connection refused" in errors
    assert "a-token-that-nobody-may-see" not in failed.output


def test_what_the_stand_in_does_not_do_is_refused_by_name(tmp_path: Path, plugin_home: Path) -> None:
    stack = Stack(tmp_path, home=plugin_home, environment={"KUBE": _CLOSED})
    stack.program("""
        import os
        import pulumi
        import pulumi_kubernetes as k8s

        k8s.Provider("files", kubeconfig=os.environ["KUBE"], render_yaml_to_directory="out")
    """)
    errors = "\n".join(stack.failing_operation("preview").errors)
    assert "renderYamlToDirectory: the stand-in works on clusters and renders no files" in errors

    stack.program("""
        import os
        import pulumi
        import pulumi_kubernetes as k8s

        provider = k8s.Provider("cluster", kubeconfig=os.environ["KUBE"])
        k8s.helm.v4.Chart("chart", chart="tiny", opts=pulumi.ResourceOptions(providers=[provider]))
    """)
    errors = "\n".join(stack.failing_operation("preview").errors)
    assert "does not implement the component 'kubernetes:helm.sh/v4:Chart'" in errors
