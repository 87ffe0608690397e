"""The two APIs that backups and restores talk to: the manager's, where Karmada runs, and Karmada's own."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import urllib3
import yaml
from kubernetes.client import ApiException, AppsV1Api, BatchV1Api, CoordinationV1Api, CoreV1Api, CustomObjectsApi

from fleet.karmada.encryption import rewrite_all
from fleet.lke.api_client import UnusableKubeconfigError, make_api_client
from fleet.naming import KARMADA_CLUSTER_NAMESPACE
from operations.errors import OperationError
from operations.karmada import ownership
from operations.karmada.trust import trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CLUSTERS: Final = ("cluster.karmada.io", "v1alpha1", "clusters")
_TIMEOUT: Final = 30


class Manager:
    """The manager's API. Raises OperationError for a kubeconfig that is none."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._client = _client("the manager", kubeconfig, None, output="kubeconfigs")
        self.apps = AppsV1Api(self._client)
        self.batch = BatchV1Api(self._client)
        self.core = CoreV1Api(self._client)

    def close(self) -> None:
        """Let its connections go."""
        self._client.close()


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A client certificate and its key, PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


class Karmada:
    """Karmada's own API, where a kubeconfig leads, with an identity in the place of the kubeconfig's own.

    What the kubeconfig's user may do is written in etcd: with a snapshot from before the user there comes nothing.
    Raises OperationError for a kubeconfig that is none.
    """

    def __init__(self, kubeconfig: Path, identity: Identity) -> None:
        self._client = _client("Karmada", kubeconfig, identity, output="karmadaKubeconfig")
        self._leases = CoordinationV1Api(self._client)
        self._objects = CustomObjectsApi(self._client)

    def close(self) -> None:
        """Let its connections go."""
        self._client.close()

    def renewals(self) -> dict[str, Any]:
        """When each member's agent has last renewed its lease, None for never, by the member's name."""
        # Agents renew a lease named after their member.
        leases: Any = self._leases.list_namespaced_lease(KARMADA_CLUSTER_NAMESPACE, _request_timeout=_TIMEOUT).items
        renewed = {lease.metadata.name: lease.spec.renew_time for lease in leases}
        clusters: Any = self._objects.list_cluster_custom_object(*_CLUSTERS, _request_timeout=_TIMEOUT)
        # Who is joined in mode Push has no agent, and no lease.
        pulling = [one["metadata"]["name"] for one in clusters["items"] if one["spec"]["syncMode"] == "Pull"]
        return {name: renewed.get(name) for name in pulling}

    def trust(self, authority: bytes) -> int:
        """Have it trust an authority where it calls its own servers; how many objects had another."""
        return trust(self._client, authority)

    def encrypt(self) -> int:
        """Have it encrypt all secrets and works by the key that writes now; how many there are."""
        return rewrite_all(self._client)

    def release(self) -> int:
        """Have it let any update change what earlier ones applied; how many objects that are."""
        return ownership.release(self._client)


def _as(identity: Identity, document: Any) -> Any:
    """A kubeconfig whose users all authenticate by one certificate."""
    user = {
        "client-certificate-data": base64.b64encode(identity.certificate).decode(),
        "client-key-data": base64.b64encode(identity.key).decode(),
    }
    return document | {"users": [{"name": entry["name"], "user": user} for entry in document["users"]]}


def _client(whose: str, kubeconfig: Path, identity: Identity | None, *, output: str) -> Any:
    try:
        document = yaml.safe_load(kubeconfig.read_text())
        return make_api_client(_as(identity, document) if identity else document, folder=kubeconfig.parent)
    except (UnusableKubeconfigError, OSError, LookupError, TypeError, ValueError, yaml.YAMLError) as error:
        # What YAML cannot be read is quoted by its error, and so credentials.
        raise OperationError(
            what=f"Cannot reach {whose}",
            why=f"{kubeconfig} leads nowhere ({type(error).__name__})",
            remedy=f"Use {whose}'s kubeconfig: `pulumi stack output {output} --show-secrets`",
        ) from None


@contextmanager
def explained(what: str, *, remedy: str = "Mend that and run again") -> Iterator[None]:
    """Raise OperationError where the manager refuses, which `remedy` is for, or does not answer."""
    try:
        yield
    except ApiException as error:
        raise OperationError(
            what=what, why=f"the manager answered {error.status} {error.reason}", remedy=remedy
        ) from error
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise OperationError(
            what=what, why=f"the manager does not answer ({type(error).__name__})", remedy="Run again when it does"
        ) from error
