"""The client of a cluster as the plugin uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.plugins.kubernetes.errors import UnreachableError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig

# Each object that is waited for holds one for its watch.
_CONNECTIONS: Final = 64


def make_client(kubeconfig: Kubeconfig) -> ApiClient:
    """A client for the kubeconfig's context. Raises UnreachableError if that cannot be used."""
    from kubernetes.client import Configuration
    from urllib3 import Retry

    from fleet.api_client import UnusableKubeconfigError, make_api_client

    configuration = Configuration()
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.retries = Retry(total=3, connect=1, backoff_factor=0.5)
    try:
        return make_api_client(kubeconfig.document, context=kubeconfig.context, configuration=configuration)
    except UnusableKubeconfigError as error:
        raise UnreachableError(
            f"the kubeconfig's context {kubeconfig.context!r} cannot be used: {error} while loading it; check its "
            "cluster and user"
        ) from None
