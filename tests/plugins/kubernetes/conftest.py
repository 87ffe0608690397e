"""One API server for all tests of the official Kubernetes provider, and a namespace and a stack for each."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from kubernetes import client

from tests.plugins.engine import Stack
from tests.plugins.kubernetes.control_plane import ControlPlane
from tests.unit.configs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        running.collect_garbage()
        yield running


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Iterator[client.ApiClient]:
    """The API server's client, with which a test looks at what the engine did."""
    with control_plane.client() as connected:
        yield connected


@pytest.fixture
def space(api: client.ApiClient) -> str:
    """A namespace of the test's own."""
    name = f"test-{secrets.token_hex(4)}"
    client.CoreV1Api(api).create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    return name


@pytest.fixture
def kubernetes_stack(tmp_path: Path, plugin_home: Path, control_plane: ControlPlane, space: str) -> Stack:
    """A stack whose programs begin with a provider for the API server, and may use what the fleet's program uses."""
    stack = Stack(tmp_path, home=plugin_home, environment={"PYTHONPATH": str(ROOT)})
    stack.program(
        f"""
        import json
        import pulumi
        import pulumi_kubernetes as k8s

        config = pulumi.Config()
        space = {space!r}
        provider = k8s.Provider("cluster", kubeconfig=config.require_secret("kubeconfig"),
                                cluster_identifier="test", namespace=space)
        on_cluster = pulumi.ResourceOptions(provider=provider)
        """,
        file="cluster.py",
    )
    stack.secret_config("kubeconfig", control_plane.kubeconfig)
    return stack
