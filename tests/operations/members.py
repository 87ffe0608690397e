"""etcd as Karmada's chart runs it, on loopback: one member, with certificates that clients must show."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from sandbox.clusters.control_plane.pki import KeyPair, Subject, ensure_authority, ensure_peer
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A member's client address, and files with the certificates to use it."""

    url: str
    authority: Path
    certificate: Path
    key: Path


class Etcd:
    """A member, as a context manager; `data` is its data folder, which may be a restored one."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder, self._data = folder, data
        folder.mkdir(parents=True, exist_ok=True)
        self._authority = ensure_authority(KeyPair(folder=folder, name="ca"))
        self._pair = ensure_peer(
            KeyPair(folder=folder, name="etcd"), Subject(common_name="etcd"), self._authority, ["localhost"]
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._port = _free_port()

    @property
    def endpoint(self) -> Endpoint:
        """How clients reach it."""
        return Endpoint(
            url=f"https://localhost:{self._port}",
            authority=self._authority.certificate,
            certificate=self._pair.certificate,
            key=self._pair.key,
        )

    def __enter__(self) -> Self:
        with (self._folder / "etcd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    tool_path("etcd"),
                    "--name=etcd-0",
                    f"--data-dir={self._data}",
                    f"--listen-client-urls={self.endpoint.url.replace('localhost', '127.0.0.1')}",
                    f"--advertise-client-urls={self.endpoint.url}",
                    f"--listen-peer-urls=http://127.0.0.1:{_free_port()}",
                    f"--trusted-ca-file={self._authority.certificate}",
                    f"--cert-file={self._pair.certificate}",
                    f"--key-file={self._pair.key}",
                    "--client-cert-auth=true",
                    "--unsafe-no-fsync",
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _SECONDS
        while self.ctl("endpoint", "health", check=False).returncode != 0:
            assert self._process.poll() is None, (self._folder / "etcd.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "etcd is not healthy"
            time.sleep(0.2)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def lose(self) -> None:
        """Its disk is gone."""
        shutil.rmtree(self._data)

    def ctl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[Any]:
        """Run etcdctl against it."""
        endpoint = self.endpoint
        return subprocess.run(
            [
                tool_path("etcdctl"),
                f"--endpoints={endpoint.url}",
                f"--cacert={endpoint.authority}",
                f"--cert={endpoint.certificate}",
                f"--key={endpoint.key}",
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
