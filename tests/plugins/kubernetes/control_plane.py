"""A real API server on loopback: etcd and kube-apiserver, with no nodes, and no controllers but those asked for."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from kubernetes import client

from fleet.lke.api_client import make_api_client
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_LOOPBACK: Final = "127.0.0.1"
_DAY: Final = datetime.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


class ControlPlane:
    """etcd and an API server of their own, as a context manager; a folder that had one before has what that one had."""

    def __init__(self, folder: Path, *flags: str) -> None:
        """`flags` are further ones of the API server's."""
        self._folder = folder
        self._flags = flags
        self._processes: list[subprocess.Popen[bytes]] = []
        self._authority = _pair("fleet-test-ca", None)
        self._admin = _pair("admin", self._authority, organization="system:masters")
        self.port = _free_port()
        self._etcd_port = _free_port()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def kubeconfig(self) -> str:
        """The administrator's kubeconfig."""
        return json.dumps(self.kubeconfig_document())

    def kubeconfig_document(self) -> dict[str, Any]:
        """The administrator's kubeconfig, as data."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "clusters": [
                {
                    "name": "test",
                    "cluster": {
                        "server": f"https://{_LOOPBACK}:{self.port}",
                        "certificate-authority-data": _text(self._authority.certificate_pem),
                    },
                }
            ],
            "users": [
                {
                    "name": "admin",
                    "user": {
                        "client-certificate-data": _text(self._admin.certificate_pem),
                        "client-key-data": _text(self._admin.key_pem),
                    },
                }
            ],
        }

    def client(self) -> client.ApiClient:
        """A client with the administrator's rights."""
        return make_api_client(self.kubeconfig_document(), configuration=client.Configuration(retries=False))

    def collect_garbage(self) -> None:
        """Let deletions in the foreground come to an end, which are the provider's way."""
        self.control("garbage-collector-controller")

    def control(self, *controllers: str) -> None:
        """Run some of Kubernetes' controllers."""
        kubeconfig = self._folder / "admin.kubeconfig"
        kubeconfig.write_text(self.kubeconfig)
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={kubeconfig}",
            f"--controllers={','.join(controllers)}",
            "--leader-elect=false",
            "--secure-port=0",
        )

    def stored(self, key: str) -> bytes:
        """What etcd has at a key."""
        line = [str(tool_path("etcdctl")), f"--endpoints=http://{_LOOPBACK}:{self._etcd_port}"]
        done = subprocess.run([*line, "get", "--print-value-only", key], capture_output=True, check=True, timeout=60)
        return done.stdout

    def _start(self) -> None:
        etcd_port = self._etcd_port
        self._run(
            "etcd",
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls=http://{_LOOPBACK}:{etcd_port}",
            f"--advertise-client-urls=http://{_LOOPBACK}:{etcd_port}",
            f"--listen-peer-urls=http://{_LOOPBACK}:{_free_port()}",
            "--unsafe-no-fsync",
        )
        self._run("kube-apiserver", *self._api_server_flags(etcd_port))
        self._await_ready()

    def _api_server_flags(self, etcd_port: int) -> list[str]:
        server = _pair("kube-apiserver", self._authority, server=True)
        account_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        account_pem = account_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files = {
            "ca.crt": self._authority.certificate_pem,
            "server.crt": server.certificate_pem,
            "server.key": server.key_pem,
            "accounts.key": account_pem,
        }
        for name, content in files.items():
            (self._folder / name).write_bytes(content)
        return [
            f"--etcd-servers=http://{_LOOPBACK}:{etcd_port}",
            f"--bind-address={_LOOPBACK}",
            f"--secure-port={self.port}",
            f"--client-ca-file={self._folder / 'ca.crt'}",
            f"--tls-cert-file={self._folder / 'server.crt'}",
            f"--tls-private-key-file={self._folder / 'server.key'}",
            f"--service-account-key-file={self._folder / 'accounts.key'}",
            f"--service-account-signing-key-file={self._folder / 'accounts.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--authorization-mode=RBAC",
            # It asks for a service account in each namespace, which a controller would make.
            "--disable-admission-plugins=ServiceAccount",
            # Loopback is no address for the kubernetes Service's endpoints.
            "--endpoint-reconciler-type=none",
            *self._flags,
        ]

    def _run(self, tool: str, *arguments: str) -> None:
        with (self._folder / f"{tool}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen([str(tool_path(tool)), *arguments], stdout=log, stderr=log, cwd=self._folder)
            )

    def _await_ready(self) -> None:
        limit = time.monotonic() + _START_SECONDS
        with self.client() as api:
            while time.monotonic() < limit:
                for process in self._processes:
                    if process.poll() is not None:
                        raise RuntimeError(f"{process.args!r} ended at once; its log:\n{self._logs()}")
                try:
                    client.CoreV1Api(api).read_namespace("default")
                except (client.ApiException, urllib3.exceptions.HTTPError):
                    time.sleep(0.2)
                else:
                    return
        raise TimeoutError(f"the API server was not ready in {_START_SECONDS:.0f} s:\n{self._logs()}")

    def _logs(self) -> str:
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in self._folder.glob("*.log"))

    def _stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()


def _pair(name: str, issuer: _Pair | None, *, organization: str | None = None, server: bool = False) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    subject = x509.Name(attributes)
    now = datetime.datetime.now(datetime.UTC)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if server:
        address = x509.IPAddress(ipaddress.ip_address(_LOOPBACK))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return _Pair(key=key, certificate=builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
