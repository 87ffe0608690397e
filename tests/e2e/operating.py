"""`python -m operations`, as an operator runs it where the clusters can be reached, and a look into Karmada's etcd."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.clusters.host.subprocesses import inside
from sandbox.clusters.network.plan import LINODE_API
from sandbox.toolchain import tool_path
from tests.e2e.clients import AccountClient, client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.clusters.host.layout import Layout

OPERATOR_TOOLS = ("age", "etcdutl", "kubectl")
IDENTITY = Path(__file__).with_name("backup.identity")
"""The private key to the backups of the sandbox's stack."""
_ETCD = "/etc/kubernetes/pki/etcd"


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Who backs a fleet up and restores it; `backups` is the stack's output."""

    layout: Layout
    backups: Mapping[str, str]

    @property
    def manager(self) -> str:
        """The manager's kubeconfig, as an option."""
        return f"--kubeconfig={self.layout.kubeconfigs / 'cluster-manager.kubeconfig'}"

    @property
    def store(self) -> list[str]:
        """Where backups are, as options."""
        place = [f"--{name}={self.backups[name]}" for name in ("bucket", "region", "endpoint")]
        return ["--fleet=sandbox", *place]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m operations karmada`."""
        folders = [str(tool_path(name).parent) for name in OPERATOR_TOOLS]
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([*folders, os.environ["PATH"]]),
            "LINODE_TOKEN": self.layout.token.read_text(),
            "LINODE_URL": LINODE_API,
        }
        line = inside(self.layout.wan, [sys.executable, "-m", "operations", "karmada", *arguments])
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=1800)

    def do(self, *arguments: str) -> str:
        """The same, with success; what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """What lies in the bucket of backups, by a key of the account's to everything."""

    layout: Layout
    backups: Mapping[str, str]
    access_key: str

    @staticmethod
    def of(layout: Layout, backups: Mapping[str, str], folder: Path) -> Bucket:
        """With a new key."""
        made = AccountClient(layout=layout, folder=folder).call("POST", "object-storage/keys", {"label": "e2e"})
        return Bucket(layout=layout, backups=backups, access_key=made["access_key"])

    def get(self, name: str) -> bytes:
        """A backup, as it is stored."""
        return self._s3("GET", name)

    def put(self, name: str, content: bytes) -> None:
        """Put something in a backup's place."""
        self._s3("PUT", name, "--header", "x-amz-meta-keys;", "--data-binary", "@-", content=content)

    def _s3(self, method: str, name: str, *options: str, content: bytes = b"") -> bytes:
        # The emulated account tells keys apart, and cannot check their signatures.
        signed = f"Authorization: AWS4-HMAC-SHA256 Credential={self.access_key}/20260101/us-east-1/s3/aws4_request"
        url = "{endpoint}/{bucket}/{prefix}".format_map(self.backups) + f"{name}.age"
        line = ["curl", "--silent", "--fail", "--request", method, "--header", signed, *options, url]
        return subprocess.run(inside(self.layout.wan, line), input=content, capture_output=True, check=True).stdout


def stored(layout: Layout, prefix: str) -> dict[str, bytes]:
    """What Karmada's etcd has below a prefix, by key."""
    paths = [f"--cacert={_ETCD}/server-ca.crt", f"--cert={_ETCD}/karmada.crt", f"--key={_ETCD}/karmada.key"]
    command = ["etcdctl", "--endpoints=https://localhost:2379", *paths, "get", "--prefix", prefix, "--write-out=json"]
    kubeconfig = f"--kubeconfig={layout.kubeconfigs / 'cluster-manager.kubeconfig'}"
    kubectl = [str(tool_path("kubectl")), kubeconfig, "--namespace=karmada-system", "exec", "etcd-0", "--", *command]
    found: Any = json.loads(client(layout, *kubectl))
    return {base64.b64decode(entry["key"]).decode(): base64.b64decode(entry["value"]) for entry in found.get("kvs", ())}
