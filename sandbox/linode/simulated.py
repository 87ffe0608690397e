"""A backend with no clusters behind it: nodes become ready as time passes, and the kubeconfig leads nowhere.

For previews, which create nothing, and for tests of whatever talks to the API.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.linode.backend import BackendError, ClusterAccess, ClusterStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.linode.backend import ClusterSpec


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long things take, in seconds."""

    control_plane: float = 0
    boot: float = 0
    """From a node's creation until its machine runs."""
    ready: float = 0
    """From a node's creation until Kubernetes reports it Ready."""


@dataclass(kw_only=True)
class _Cluster:
    """What the simulation remembers of a cluster."""

    created: float
    token: str
    ca_certificate: str
    nodes: dict[str, float]
    """When each node was created, by id."""


class SimulatedBackend:
    """Clusters that exist in memory only."""

    def __init__(self, pace: Pace | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with no cluster.

        Args:
            pace: how long things take; by default everything is ready at once.
            clock: seconds that pass, for tests that decide when.

        """
        self._pace = pace or Pace()
        self._clock = clock
        self._clusters: dict[int, _Cluster] = {}

    async def reconcile(self, cluster: ClusterSpec) -> None:
        """Remember the cluster's nodes, and since when they are there and switched on."""
        now = self._clock()
        known = self._clusters.setdefault(
            cluster.id,
            _Cluster(created=now, token=_token(), ca_certificate=_certificate(cluster.id), nodes={}),
        )
        wanted = [node.id for pool in cluster.pools for node in pool.nodes if node.powered]
        known.nodes = {node: known.nodes.get(node, now) for node in wanted}

    async def delete(self, cluster_id: int) -> None:
        """Forget the cluster."""
        self._clusters.pop(cluster_id, None)

    async def status(self, cluster_id: int) -> ClusterStatus:
        """The nodes that have been there long enough."""
        cluster = self._clusters.get(cluster_id)
        if cluster is None:
            return ClusterStatus()
        return ClusterStatus(
            running=self._older_than(cluster, self._pace.boot),
            ready=self._older_than(cluster, self._pace.ready),
        )

    async def access(self, cluster_id: int) -> ClusterAccess | None:
        """Credentials for an API server that is not there."""
        cluster = self._clusters.get(cluster_id)
        if cluster is None or self._clock() < cluster.created + self._pace.control_plane:
            return None
        return ClusterAccess(ca_certificate=cluster.ca_certificate, token=cluster.token)

    async def rotate_credentials(self, cluster_id: int) -> None:
        """Another token."""
        if cluster_id not in self._clusters:
            raise BackendError(f"cluster {cluster_id} is not there yet")
        self._clusters[cluster_id].token = _token()

    async def close(self) -> None:
        """Nothing to let go of."""

    def _older_than(self, cluster: _Cluster, age: float) -> frozenset[str]:
        now = self._clock()
        return frozenset(node for node, created in cluster.nodes.items() if now >= created + age)


def _token() -> str:
    return secrets.token_urlsafe(32)


def _certificate(cluster_id: int) -> str:
    """A certificate authority that signs nothing, so that clients can parse the kubeconfig."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"simulated-lke{cluster_id}")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
