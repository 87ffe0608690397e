"""One etcd for all clusters of a sandbox; each has a prefix of its own."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox.clusters.control_plane.pki import KeyPair, Subject, ensure_authority, ensure_client, ensure_peer
from sandbox.clusters.host.processes import ProcessSpec
from sandbox.clusters.host.supervision import OnHost, Unit
from sandbox.clusters.network.plan import CLOUD, ETCD_PORT

if TYPE_CHECKING:
    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.provisions import Provisions

UNIT: Final = "etcd"
ENDPOINT: Final = f"https://{CLOUD}:{ETCD_PORT}"
_TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Etcd:
    """The key-value store behind every API server of a sandbox."""

    layout: Layout
    provisions: Provisions

    @property
    def authority(self) -> KeyPair:
        """Signs for the server and for its clients, and for nothing else."""
        return KeyPair(self.layout.etcd / "pki", "etcd-ca")

    @property
    def client(self) -> KeyPair:
        """Of the API servers and of the sandbox."""
        return KeyPair(self.layout.etcd / "pki", "client")

    def unit(self) -> Unit:
        """The process, with its certificates made."""
        authority = ensure_authority(self.authority)
        ensure_client(self.client, Subject(common_name="kube-apiserver-etcd-client"), authority)
        # Its JSON gateway calls etcd itself with the server's certificate.
        server = ensure_peer(KeyPair(authority.folder, "server"), Subject(common_name="etcd"), authority, [str(CLOUD)])
        line = [
            str(self.provisions.programs["etcd"]),
            f"--data-dir={self.layout.etcd / 'data'}",
            f"--listen-client-urls={ENDPOINT}",
            f"--advertise-client-urls={ENDPOINT}",
            # With one member nobody calls here, but etcd insists on having it.
            "--listen-peer-urls=http://127.0.0.1:2380",
            f"--cert-file={server.certificate}",
            f"--key-file={server.key}",
            f"--trusted-ca-file={authority.certificate}",
            "--client-cert-auth",
            # A sandbox survives the death of any process without it, and a power failure it need not survive.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]
        return Unit(name=UNIT, command=ProcessSpec(line=line), place=OnHost(self.layout, self.layout.cloud))

    def delete_prefix(self, prefix: str) -> None:
        """Delete a cluster's data, over etcd's JSON gateway (https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/).

        Raises OSError if etcd does not answer.
        """
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.load_cert_chain(self.client.certificate, self.client.key)
        first = prefix.encode() + b"/"
        # A range ends before the first key that is past the prefix: "/" + 1 is "0".
        body = {"key": _encode(first), "range_end": _encode(prefix.encode() + b"0")}
        request = urllib.request.Request(  # noqa: S310  # the scheme is the constant above
            f"{ENDPOINT}/v3/kv/deleterange", data=json.dumps(body).encode()
        )
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            response.read()


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode()
