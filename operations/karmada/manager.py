"""What of Karmada is on the manager: its certificates, and the keys by which its etcd's content is encrypted."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from kubernetes.client import ApiException

from fleet.karmada import encryption
from fleet.naming import KARMADA_NAMESPACE
from operations.errors import OperationError
from operations.karmada.apis import Identity, explained
from operations.kubectl import line

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from operations.karmada.apis import Manager

SECRET: Final = "karmada-cert"  # noqa: S105 - the Secret's name (charts/karmada/templates/karmada-cert.yaml)
AUTHORITY, CERTIFICATE, KEY = "server-ca.crt", "karmada.crt", "karmada.key"


def components(manager: Manager) -> Identity:
    """Who Karmada's own components are in Karmada's API: the group system:masters. Raises OperationError."""
    found = _certificates(manager)
    return Identity(certificate=found[CERTIFICATE], key=found[KEY])


def authority(manager: Manager) -> bytes:
    """Karmada's authority of today, PEM. Raises OperationError."""
    return _certificates(manager)[AUTHORITY]


def require_keys(manager: Manager, needed: Collection[str], of: str) -> None:
    """Raises OperationError where Karmada has not all keys of encryption at rest that a backup may take."""
    with explained(f"Cannot read Secret {KARMADA_NAMESPACE}/{encryption.SECRET}"):
        known = _keys(manager)
    if missing := [key for key in needed if key not in known]:
        raise OperationError(
            what=f"Karmada could not read what is in {of}",
            why=f"it may be encrypted at rest by {', '.join(missing)}, and Karmada has {', '.join(known) or 'no key'}",
            remedy="Put the key back into the state (docs/backup.md#keys), or name another backup with --backup",
        )


def _keys(manager: Manager) -> list[str]:
    try:
        secret: Any = manager.core.read_namespaced_secret(encryption.SECRET, KARMADA_NAMESPACE, _request_timeout=30)
        return encryption.key_names(base64.b64decode(secret.data[encryption.SECRET_KEY]).decode())
    except ApiException as error:
        if error.status == 404:  # A fleet from before there were keys.
            return []
        raise


def _certificates(manager: Manager) -> dict[str, bytes]:
    refused = explained(
        f"Cannot read Karmada's certificates in Secret {KARMADA_NAMESPACE}/{SECRET}",
        remedy="Use the manager's kubeconfig: `pulumi stack output kubeconfigs --show-secrets`",
    )
    with refused:
        secret: Any = manager.core.read_namespaced_secret(SECRET, KARMADA_NAMESPACE, _request_timeout=30)
    return {name: base64.b64decode((secret.data or {})[name]) for name in (AUTHORITY, CERTIFICATE, KEY)}


def kubectl(kubeconfig: Path, *arguments: str) -> list[str]:
    """A command line of kubectl in Karmada's namespace. Raises OperationError where there is no kubectl."""
    return line(kubeconfig, f"--namespace={KARMADA_NAMESPACE}", *arguments)
