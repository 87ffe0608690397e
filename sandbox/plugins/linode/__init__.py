"""The stand-in for pulumi-linode: clusters, firewalls, buckets with their keys, and functions that look things up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def serve(version: str, arguments: Sequence[str]) -> None:
    """Run the plugin."""
    from sandbox.plugins.framework.serve import serve as serve_provider
    from sandbox.plugins.linode.provider import LinodeProvider

    serve_provider(LinodeProvider(version), arguments)
