"""Karmada's etcd on the manager, from an operator's machine: its certificates, and a forwarded port."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import KARMADA_NAMESPACE
from operations.errors import OperationError
from operations.karmada.apis import Identity, Manager, explained
from operations.karmada.etcd import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET: Final = "karmada-cert"  # noqa: S105 - the Secret's name (charts/karmada/templates/karmada-cert.yaml)
AUTHORITY, CERTIFICATE, KEY = "server-ca.crt", "karmada.crt", "karmada.key"
_POD: Final = "pod/etcd-0"
_FORWARDED: Final = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
_FORWARD_SECONDS: Final = 30.0


@contextmanager
def etcd_endpoint(kubeconfig: Path) -> Iterator[Endpoint]:
    """The first member's client address on this machine, for as long as the block.

    The certificates lie in a folder of this user's alone, which goes with the block.

    Raises:
        OperationError: the manager does not answer, has no Karmada, or forwards no port.

    """
    with tempfile.TemporaryDirectory(prefix="fleet-etcd-") as name:  # mode 0700
        folder = Path(name)
        write_certificates(kubeconfig, folder)
        with _forwarded(kubeconfig) as port:
            yield Endpoint(
                # The certificate names localhost (fleet/karmada/pki.py).
                url=f"https://localhost:{port}",
                authority=folder / AUTHORITY,
                certificate=folder / CERTIFICATE,
                key=folder / KEY,
            )


def write_certificates(kubeconfig: Path, folder: Path) -> None:
    """Write the certificates that Karmada's own components use towards etcd. Raises OperationError."""
    with closing(Manager(kubeconfig)) as manager:
        for name, content in _certificates(manager).items():
            (folder / name).write_bytes(content)


def components(manager: Manager) -> Identity:
    """Who Karmada's own components are in Karmada's API: the group system:masters. Raises OperationError."""
    found = _certificates(manager)
    return Identity(certificate=found[CERTIFICATE], key=found[KEY])


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
    found = shutil.which("kubectl")
    if found is None:
        raise OperationError(what="kubectl is missing", why="it is not on the PATH", remedy="Install it")
    return [found, f"--kubeconfig={kubeconfig}", f"--namespace={KARMADA_NAMESPACE}", *arguments]


@contextmanager
def _forwarded(kubeconfig: Path) -> Iterator[int]:
    command = kubectl(kubeconfig, "port-forward", _POD, ":2379")
    with subprocess.Popen(  # noqa: S603 - our own arguments, read by no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        # A forward that never comes ends with its process, which ends the wait for what it says.
        limit = threading.Timer(_FORWARD_SECONDS, process.kill)
        limit.start()
        try:
            yield _port(process, limit)
        finally:
            limit.cancel()
            process.terminate()


def _port(process: subprocess.Popen[str], limit: threading.Timer) -> int:
    said = ""
    for line in process.stdout or ():
        said = line.strip()
        if match := _FORWARDED.match(said):
            limit.cancel()
            return int(match[1])
    raise OperationError(
        what="Cannot reach Karmada's etcd",
        why=said.removeprefix("error: ") or "kubectl forwarded no port",
        remedy="See `kubectl --namespace karmada-system get pod etcd-0` on the manager",
    )
