"""The official Kubernetes client, made from a kubeconfig without leaving its keys on the disk.

The client wants certificates and keys as files for as long as it lives, and makes them where a kubeconfig has data. A
program that is killed would leave them behind. So they are written into a private folder, read into a TLS context, and
gone before the first request.
"""

import base64
import copy
import ssl
import tempfile
from pathlib import Path
from typing import Any, Final

from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, new_client_from_config_dict

_FILES: Final = ("certificate-authority", "client-certificate", "client-key")
_TLS_OF_THE_CLIENT: Final = ("ca_certs", "ca_cert_data", "cert_file", "key_file")


class UnusableKubeconfigError(Exception):
    """No client can be made. The message says what kind of fault it is, and never quotes the kubeconfig."""


def make_api_client(
    document: Any,
    *,
    context: str | None = None,
    configuration: Configuration | None = None,
    folder: Path | None = None,
) -> ApiClient:
    """A client of the cluster that a kubeconfig names.

    Args:
        document: the kubeconfig, parsed.
        context: one of its contexts; by default the current one.
        configuration: what the client is to do about connections and retries.
        folder: where the kubeconfig lies, if it is a file: it may name others by their place beside it.

    Raises:
        UnusableKubeconfigError: it is no kubeconfig, or its certificates and keys cannot be read.
    """
    configuration = configuration or Configuration()
    with tempfile.TemporaryDirectory(prefix="fleet-kubeconfig-") as private:
        try:
            # The client's config module has no annotations.
            client: ApiClient = new_client_from_config_dict(  # type: ignore[no-untyped-call]
                config_dict=_with_files(document, Path(private), folder or Path()),
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
            _keep_in_memory(client, configuration)
        except (ConfigException, OSError, AttributeError, LookupError, TypeError, ValueError) as error:
            # The cause may quote the kubeconfig. ssl.SSLError is an OSError.
            raise UnusableKubeconfigError(type(error).__name__) from None
    return client


def _with_files(document: Any, private: Path, beside: Path) -> Any:
    """The kubeconfig with files in place of data: the client would make files of its own and keep them."""
    document = copy.deepcopy(document)
    bodies = [entry.get("cluster") for entry in document.get("clusters") or []]
    bodies += [entry.get("user") for entry in document.get("users") or []]
    for number, body in enumerate(one for one in bodies if isinstance(one, dict)):
        for name in _FILES:
            if data := body.pop(f"{name}-data", None):
                file = private / f"{name}-{number}"
                file.write_bytes(base64.b64decode(data))
                body[name] = str(file)
            elif body.get(name):
                body[name] = str(beside / body[name])
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
