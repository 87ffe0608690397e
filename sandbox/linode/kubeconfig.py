"""The kubeconfig that LKE hands out: one cluster, one context "lkeID-ctx", one user "lkeID-admin" with a token."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from sandbox.linode.backend import ClusterAccess


def kubeconfig(cluster_id: int, endpoint: str, access: ClusterAccess) -> str:
    """The kubeconfig of a cluster, base64-encoded as the API returns it."""
    name = f"lke{cluster_id}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [
            {
                "cluster": {
                    "certificate-authority-data": _base64(access.ca_certificate),
                    "server": endpoint,
                },
                "name": name,
            }
        ],
        "users": [{"name": f"{name}-admin", "user": {"token": access.token}}],
        "contexts": [
            {
                "context": {"cluster": name, "namespace": "default", "user": f"{name}-admin"},
                "name": f"{name}-ctx",
            }
        ],
        "current-context": f"{name}-ctx",
    }
    return _base64(yaml.safe_dump(document, sort_keys=False))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
