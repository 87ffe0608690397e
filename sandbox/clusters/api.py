"""The sandbox as a client of its clusters, through the official Kubernetes client."""

from __future__ import annotations

import base64
import importlib.resources
from typing import TYPE_CHECKING, Any, Final

import yaml
from kubernetes import client, dynamic
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from sandbox.linode.backend import BackendError
from sandbox.waiting import until

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from sandbox.clusters.control_plane.control_plane import ControlPlane

FIELD_MANAGER: Final = "fleet-sandbox"
_START_SECONDS: Final = 120.0
_PAUSE_SECONDS: Final = 0.25
_REQUEST_SECONDS: Final = 10.0
_ADDONS: Final = ("access.yaml", "storage.yaml", "coredns.yaml")


def connect(control_plane: ControlPlane) -> client.ApiClient:
    """A client with the rights of system:masters."""
    configuration = client.Configuration(host=control_plane.server)
    configuration.ssl_ca_cert = str(control_plane.authority.certificate)
    configuration.cert_file = str(control_plane.administrator.certificate)
    configuration.key_file = str(control_plane.administrator.key)
    # Whoever asks knows better when to ask again.
    configuration.retries = False
    return client.ApiClient(configuration)


def is_ready(api: client.ApiClient) -> bool:
    """Whether the API server answers and all that it does at its start is done.

    It calls itself ready a moment before the controller manager's bootstrap role is bound, without which that ends.
    """
    try:
        client.RbacAuthorizationV1Api(api).read_namespaced_role_binding(
            "system::extension-apiserver-authentication-reader", "kube-system", _request_timeout=_REQUEST_SECONDS
        )
    except (ApiException, HTTPError, OSError):
        return False
    return True


def wait_until_ready(api: client.ApiClient, ending: threading.Event) -> None:
    """Return when the API server is ready. Raises BackendError if it is not within two minutes, or `ending` was set."""
    ready = until(lambda: ending.is_set() or is_ready(api), seconds=_START_SECONDS, every=_PAUSE_SECONDS)
    if ending.is_set():
        raise BackendError("the cluster is being removed")
    if not ready:
        raise BackendError(f"the API server at {api.configuration.host} is not ready")


def addons() -> list[dict[str, Any]]:
    """What every cluster has from its start, in the order in which it is created."""
    return [document for name in _ADDONS for document in manifests(name)]


def manifests(name: str) -> Iterator[dict[str, Any]]:
    """The documents of one of the sandbox's manifests."""
    text = importlib.resources.files("sandbox.clusters.addons").joinpath(name).read_text()
    yield from yaml.safe_load_all(text)


def apply(api: client.ApiClient, documents: list[dict[str, Any]]) -> None:
    """Create objects, or bring them to this state, by server-side apply.

    Raises BackendError if the API server refused one, or does not answer.
    """
    try:
        resources: Any = dynamic.DynamicClient(api)  # type: ignore[no-untyped-call]  # the client's own
        for document in documents:
            resource = resources.resources.get(api_version=document["apiVersion"], kind=document["kind"])
            resources.server_side_apply(
                resource,
                body=document,
                namespace=document["metadata"].get("namespace"),
                field_manager=FIELD_MANAGER,
                force_conflicts=True,
            )
    except (ApiException, HTTPError, OSError) as error:
        raise BackendError(f"an addon cannot be created: {error}") from error


def administrator_token(api: client.ApiClient) -> str | None:
    """The kubeconfig's token; None until the controller manager has made it.

    Raises BackendError if the API server does not answer.
    """
    try:
        secret = client.CoreV1Api(api).read_namespaced_secret(
            "lke-admin-token", "kube-system", _request_timeout=_REQUEST_SECONDS
        )
    except ApiException as error:
        if error.status == 404:
            return None
        raise BackendError(f"the administrator's token cannot be read: {error.reason}") from error
    except (HTTPError, OSError) as error:
        raise BackendError(f"the administrator's token cannot be read: {error}") from error
    encoded = (secret.data or {}).get("token")
    return base64.b64decode(encoded).decode() if encoded else None


def replace_administrator_token(api: client.ApiClient) -> None:
    """Make another token; the old one ends. Raises BackendError if the API server refused, or does not answer."""
    try:
        client.CoreV1Api(api).delete_namespaced_secret(
            "lke-admin-token", "kube-system", _request_timeout=_REQUEST_SECONDS
        )
    except ApiException as error:
        if error.status != 404:
            raise BackendError(f"the administrator's token cannot be deleted: {error.reason}") from error
    except (HTTPError, OSError) as error:
        raise BackendError(f"the administrator's token cannot be deleted: {error}") from error
    apply(api, list(manifests("token.yaml")))
