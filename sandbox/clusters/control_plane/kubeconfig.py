"""Kubeconfigs of the sandbox's own components, which authenticate by client certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clusters.control_plane.pki import KeyPair


def write_kubeconfig(path: Path, *, server: str, authority: Path, client: KeyPair) -> Path:
    """Write a kubeconfig that refers to the files of a certificate.

    The paths are written as given, so that a node may have them elsewhere than the host.
    """
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {"server": server, "certificate-authority": str(authority)}}],
        "users": [
            {
                "name": client.name,
                "user": {"client-certificate": str(client.certificate), "client-key": str(client.key)},
            }
        ],
        "contexts": [{"name": "default", "context": {"cluster": "cluster", "user": client.name}}],
        "current-context": "default",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path
