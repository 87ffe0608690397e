"""The official client, made from a kubeconfig without leaving its keys on the disk.

The client wants certificates and keys as files for as long as it lives. A plugin may be killed at any
time, and they would stay. So they are written into a private folder, read into a TLS context, and gone
before the first request.
"""

from __future__ import annotations

import base64
import copy
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.kubernetes.errors import UnreachableError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

    from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig

# Each object that is waited for holds one for its watch.
_CONNECTIONS: Final = 64
_FILES: Final = ("certificate-authority", "client-certificate", "client-key")
_TLS_OF_THE_CLIENT: Final = ("ca_certs", "ca_cert_data", "cert_file", "key_file")


def make_client(kubeconfig: Kubeconfig) -> ApiClient:
    """A client for the kubeconfig's context. Raises UnreachableError if that cannot be used."""
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, new_client_from_config_dict
    from urllib3 import Retry

    configuration = Configuration()
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.retries = Retry(total=3, connect=1, backoff_factor=0.5)
    with tempfile.TemporaryDirectory(prefix="fleet-kubernetes-") as folder:
        try:
            client: ApiClient = new_client_from_config_dict(  # type: ignore[no-untyped-call]  # untyped there
                config_dict=_with_files(kubeconfig.document, Path(folder)),
                context=kubeconfig.context,
                client_configuration=configuration,
                persist_config=False,
            )
            _keep_in_memory(client, configuration)
        except (ConfigException, OSError, TypeError, ValueError) as error:
            # The message may quote what cannot be decoded. ssl.SSLError is an OSError.
            raise UnreachableError(
                f"the kubeconfig's context {kubeconfig.context!r} cannot be used: {type(error).__name__} while "
                "loading it; check its cluster and user"
            ) from None
    return client


def _with_files(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The kubeconfig with files in place of data: the client would make files of its own and keep them."""
    document = copy.deepcopy(document)
    bodies = [entry.get("cluster") for entry in document.get("clusters") or []]
    bodies += [entry.get("user") for entry in document.get("users") or []]
    for number, body in enumerate(bodies):
        for name in _FILES:
            data = body.pop(f"{name}-data", None) if isinstance(body, dict) else None
            if data:
                file = folder / f"{name}-{number}"
                file.write_bytes(base64.b64decode(data))
                body[name] = str(file)
    return document


def _keep_in_memory(client: ApiClient, configuration: Configuration) -> None:
    """Give the client's connections a TLS context in place of the files."""
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    options = client.rest_client.pool_manager.connection_pool_kw
    for name in _TLS_OF_THE_CLIENT:
        options.pop(name, None)
    options["ssl_context"] = context
