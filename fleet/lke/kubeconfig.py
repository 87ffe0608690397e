"""Kubeconfigs as plain data: decoding Linode's, and writing those that Fleet hands out. Pure functions."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True, kw_only=True)
class ApiServer:
    """Where a cluster's API server is: an https URL, and the PEM of the authority that signs for it."""

    url: str
    ca_pem: str


def decode(encoded: str) -> str:
    """Linode's kubeconfig, base64 as the API gives it, as YAML text."""
    return base64.b64decode(encoded, validate=True).decode()


def api_server(kubeconfig: str) -> ApiServer:
    """The API server of the first cluster in a kubeconfig.

    Raises:
        ValueError: when the kubeconfig names no cluster with its authority.
    """
    try:
        cluster = yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]
        ca_pem = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return ApiServer(url=cluster["server"], ca_pem=ca_pem)
    except (KeyError, IndexError, TypeError):
        # The cause would carry the kubeconfig, and so its credentials, into the error's text.
        raise ValueError("the kubeconfig has no cluster with a server and certificate-authority-data") from None


def with_client_certificate(*, name: str, server: ApiServer, certificate_pem: str, private_key_pem: str) -> str:
    """A kubeconfig that authenticates by a client certificate."""
    return _render(
        name, server, {"client-certificate-data": _encode(certificate_pem), "client-key-data": _encode(private_key_pem)}
    )


def with_token(*, name: str, server: ApiServer, token: str) -> str:
    """A kubeconfig that authenticates by a service account's token."""
    return _render(name, server, {"token": token})


def decode_token(data: Mapping[str, str] | None) -> str:
    """The token in the data of a service account's token secret, which Kubernetes fills in after its creation.

    Raises:
        ValueError: when it is not there yet.
    """
    if not data or "token" not in data:
        raise ValueError("the service account's token is not issued yet; run `pulumi up` again")
    return base64.b64decode(data["token"]).decode()


def nowhere(name: str) -> str:
    """A kubeconfig without credentials by which nothing can be reached: nobody listens at port 1 of this machine."""
    server = {"server": "https://127.0.0.1:1"}
    return _document(name, server, {})


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _render(name: str, server: ApiServer, user: dict[str, str]) -> str:
    return _document(name, {"server": server.url, "certificate-authority-data": _encode(server.ca_pem)}, user)


def _document(name: str, cluster: dict[str, str], user: dict[str, str]) -> str:
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return yaml.safe_dump(document, sort_keys=False)
