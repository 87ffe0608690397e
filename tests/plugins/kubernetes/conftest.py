"""One API server for all tests of the Kubernetes stand-in, and a namespace and a stack for each."""

from __future__ import annotations

import dataclasses
import json
import secrets
from typing import TYPE_CHECKING, Final

import pytest

from sandbox.plugins import PLUGINS, install
from sandbox.plugins.framework import Cancellation, Deadline
from sandbox.plugins.kubernetes.cluster import Effect
from tests.plugins.engine import Stack
from tests.plugins.kubernetes.control_plane import ControlPlane
from tests.plugins.kubernetes.controllers import Controllers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox.plugins.kubernetes.cluster import Cluster


_LIMIT: Final = 30.0


def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds. Raises TimeoutError if it does not come to."""
    deadline = Deadline(_LIMIT)
    while not condition():
        if deadline.passed:
            raise TimeoutError(f"it did not come to be in {_LIMIT:.0f} s")
        Cancellation().sleep(0.1)


@pytest.fixture(scope="session")
def plugin_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with the stand-in in the place of the official provider."""
    home = tmp_path_factory.mktemp("pulumi-home")
    install(home, [dataclasses.replace(plugin, tool=None) for plugin in PLUGINS])
    return home


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        yield running


@pytest.fixture(scope="session")
def cluster(control_plane: ControlPlane) -> Cluster:
    """The API server's client, with which a test looks at what the engine did."""
    return control_plane.client()


@pytest.fixture(scope="session")
def controllers(cluster: Cluster) -> Iterator[Controllers]:
    """What acts on objects beside the engine."""
    with Controllers(cluster) as running:
        yield running


@pytest.fixture
def space(cluster: Cluster, controllers: Controllers) -> str:
    """A namespace of the test's own."""
    name = f"test-{secrets.token_hex(4)}"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.create(namespace, field_manager="test", effect=Effect.KEPT)
    return name


@pytest.fixture
def kubernetes_stack(tmp_path: Path, plugin_home: Path, control_plane: ControlPlane, space: str) -> Stack:
    """A stack whose programs begin with a provider for the API server and the test's namespace."""
    stack = Stack(tmp_path, home=plugin_home)
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
    stack.secret_config("kubeconfig", json.dumps(json.loads(control_plane.kubeconfig)))
    return stack
