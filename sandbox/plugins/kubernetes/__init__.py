"""The stand-in for pulumi-kubernetes: any kind of object, Patch resources and Helm releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def serve(version: str, arguments: Sequence[str]) -> None:
    """Run the plugin."""
    from sandbox.plugins.framework.serve import serve as serve_provider
    from sandbox.plugins.kubernetes.provider import KubernetesProvider

    serve_provider(KubernetesProvider(version), arguments)
