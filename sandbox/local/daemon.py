"""The sandbox's own long-lived process: the emulated Linode API, the clusters behind it, and what keeps all running.

`python -m sandbox.local.daemon NAME`, started by `up` inside the sandbox's cloud namespace.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from linode_api4 import LinodeClient

from sandbox.clusters.backend import KubernetesBackend
from sandbox.clusters.balancers.backend import ProcessBalancers
from sandbox.clusters.cluster import ClusterArgs
from sandbox.clusters.control_plane.etcd import Etcd
from sandbox.clusters.host.cgroups import enter
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.provisions import Provisions
from sandbox.clusters.host.supervision import Supervisor
from sandbox.clusters.network.plan import CLOUD, LINODE_API, LINODE_API_PORT
from sandbox.files import write_whole
from sandbox.linode.limits import UNLIMITED
from sandbox.linode.s3_service import MemoryObjectStore
from sandbox.linode.server import AccessToken, LinodeApi, LinodeApiArgs

if TYPE_CHECKING:
    from pathlib import Path

_CONTROLLERS_SCOPES: Final = "firewall:read_write linodes:read_only nodebalancers:read_write volumes:read_write"


def main(name: str) -> None:
    """Serve until SIGTERM; the clusters go on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The informers tell every broken connection with its traceback; the cloud controller tells it in a line.
    logging.getLogger("kubernetes.informer").setLevel(logging.CRITICAL)
    layout = Layout(name)
    # Whatever is started from here on is in the sandbox's group, and `down` finds it there.
    enter(f"{layout.cgroup}/processes", os.getpid())
    provisions = Provisions.read(layout.provisions)
    supervisor = Supervisor(layout)
    supervisor.ensure(Etcd(layout, provisions).unit())
    supervisor.begin()
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    signal.signal(signal.SIGINT, lambda *_: ending.set())
    with _account(layout, provisions, supervisor):
        ending.wait()
    supervisor.end()


def _account(layout: Layout, provisions: Provisions, supervisor: Supervisor) -> LinodeApi:
    """The emulated account, with what makes it real."""
    controllers = read_token(layout.controllers_token)
    args = ClusterArgs(
        layout=layout,
        supervisor=supervisor,
        provisions=provisions,
        linode=LinodeClient(controllers, base_url=f"{LINODE_API}/v4"),
    )
    return LinodeApi(
        LinodeApiArgs(
            host=str(CLOUD),
            port=LINODE_API_PORT,
            state=layout.linode_state,
            answer_seconds=provisions.delays.answer,
            tokens=(
                AccessToken(secret=read_token(layout.token)),
                # While clusters start theirs look at the account after every change; Linode's own are no customers.
                AccessToken(secret=controllers, scopes=_CONTROLLERS_SCOPES, label="LKE", limits=UNLIMITED),
            ),
            backend=KubernetesBackend(args),
            balancers=ProcessBalancers(layout, supervisor),
            object_store=MemoryObjectStore(),
        )
    )


def read_token(file: Path) -> str:
    """A token of the emulated account, made at first."""
    if not file.exists():
        write_whole(file, secrets.token_hex(32), mode=0o600)
    return file.read_text()


if __name__ == "__main__":
    main(sys.argv[1])
