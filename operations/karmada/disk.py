"""What is on the disk of a member of Karmada's etcd is replaced, by a pod that has it in the member's place."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from kubernetes.client import ApiException

from fleet.naming import KARMADA_NAMESPACE
from fleet.versions import KUBECTL_IMAGE
from operations.errors import OperationError
from operations.karmada.manager import kubectl
from operations.karmada.workloads import LIMIT_SECONDS, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    from kubernetes.client import CoreV1Api

_DATA: Final = "/var/lib/etcd"
_DIGESTS: Final = "sha256"


def fill(core: CoreV1Api, kubeconfig: Path, member: str, data: Path) -> None:
    """Put a member's data folder on its disk. The member must be stopped.

    Raises:
        OperationError: the disk cannot be written, and has what it had.
        ApiException: the manager refuses.

    """
    name = f"{member}-restore"
    with _pod(core, _pod_with_disk(name, f"etcd-data-{member}")), tempfile.TemporaryFile() as archive:
        pack(data, archive)
        archive.seek(0)
        _exec(kubeconfig, name, archive)


def pack(data: Path, archive: IO[bytes]) -> None:
    """Write a folder as an archive, with the SHA-256 of every file in it, and owned by root, who runs etcd."""
    with tarfile.open(fileobj=archive, mode="w") as content:
        content.add(data, arcname=".", filter=_of_root)
        files = sorted(file for file in data.rglob("*") if file.is_file())
        lines = "".join(f"{_digest(file)}  {file.relative_to(data)}\n" for file in files).encode()
        entry = tarfile.TarInfo(_DIGESTS)
        entry.size = len(lines)
        content.addfile(entry, io.BytesIO(lines))


def script(folder: str) -> str:
    """Shell that puts the `member` of an archive on standard input in the place of a folder's own."""
    # The earlier data goes only when all of the new is at hand. What a broken connection has cut off may look like a
    # whole archive, so digests decide.
    return f"""set -e
cd {folder}
rm -rf .new
mkdir .new
tar -xf - -C .new
(cd .new && sha256sum -c {_DIGESTS} >/dev/null)
rm -rf member
mv .new/member member
rm -rf .new
sync
"""


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _pod_with_disk(name: str, claim: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            # One that is left behind by a run that was killed ends by itself.
            "activeDeadlineSeconds": int(LIMIT_SECONDS) * 2,
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "disk",
                    "image": str(KUBECTL_IMAGE),
                    # Until the deadline above.
                    "command": ["tail", "-f", "/dev/null"],
                    "volumeMounts": [{"name": "data", "mountPath": _DATA}],
                }
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }


@contextmanager
def _pod(core: CoreV1Api, body: Any) -> Iterator[None]:
    name = body["metadata"]["name"]

    def runs() -> bool:
        status = core.read_namespaced_pod(name, KARMADA_NAMESPACE).status
        return bool(status and status.phase == "Running")

    _remove(core, name)  # One that an interrupted run has left.
    core.create_namespaced_pod(KARMADA_NAMESPACE, body)
    try:
        wait(runs, f"pod {name} runs")
        yield
    finally:
        _remove(core, name)


def _remove(core: CoreV1Api, name: str) -> None:
    def gone() -> bool:
        try:
            core.delete_namespaced_pod(name, KARMADA_NAMESPACE)
        except ApiException as error:
            if error.status == 404:
                return True
            raise
        return False

    wait(gone, f"pod {name} is gone")


def _exec(kubeconfig: Path, pod: str, archive: IO[bytes]) -> None:
    command = kubectl(kubeconfig, "exec", "--stdin", pod, "--", "sh", "-c", script(_DATA))
    what = f"Cannot fill the disk of {pod}"
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, read by no shell on this machine
            command,
            stdin=archive,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise OperationError(what=what, why=f"no end after {LIMIT_SECONDS:.0f} s", remedy="Run again") from error
    if done.returncode != 0:
        why = done.stderr.strip() or f"exit code {done.returncode}"
        raise OperationError(what=what, why=why, remedy="Mend that and run again")
