"""What a user has: the Linode API and kubectl, both inside the sandbox's network."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.clusters.host.provisions import Provisions
from sandbox.clusters.host.subprocesses import CommandError, inside
from sandbox.clusters.network.plan import LINODE_API

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout

READY_SECONDS = 240.0
PAUSE_SECONDS = 0.5


def eventually(claim: Callable[[], bool], what: str, *, within_seconds: float = 90.0) -> None:
    """Return when a claim holds; a client's failure counts as not yet."""
    deadline = time.monotonic() + within_seconds
    last = ""
    while time.monotonic() < deadline:
        try:
            if claim():
                return
        except (subprocess.CalledProcessError, ClientError, CommandError) as error:
            last = str(error)
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"not within {within_seconds:.0f} s: {what} {last}")


class ClientError(Exception):
    """A client said no."""


def client(layout: Layout, *line: str, stdin: str | None = None, namespace: str | None = None) -> str:
    """What a program prints that runs inside the sandbox, as a user's there does."""
    done = subprocess.run(
        inside(namespace or layout.wan, line), input=stdin, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode != 0:
        raise ClientError(f"{' '.join(line)}: {done.stderr or done.stdout}")
    return done.stdout


@dataclass(frozen=True, kw_only=True)
class AccountClient:
    """The emulated Linode account."""

    layout: Layout
    folder: Path

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The decoded answer to a request."""
        # The token goes in by standard input, where no list of processes shows it.
        settings = f'header = "Authorization: Bearer {self.layout.token.read_text()}"\n'
        line = ["curl", "--silent", "--show-error", "--fail-with-body", "--config", "-", "--request", method]
        data = ["--json", json.dumps(body)] if body is not None else []
        answer = client(self.layout, *line, *data, f"{LINODE_API}/v4/{path}", stdin=settings)
        return json.loads(answer) if answer else {}

    def left(self) -> dict[str, list[str]]:
        """What the account pays for: labels by kind; kinds that it has none of are left out."""
        kinds = ("lke/clusters", "linode/instances", "nodebalancers", "volumes")
        found = {kind: [item["label"] for item in self.call("GET", kind)["data"]] for kind in kinds}
        return {kind: labels for kind, labels in found.items() if labels}

    def billed_for(self, cluster_id: int) -> list[str]:
        """The labels of load balancers and volumes that a cluster's controllers made and that are still there."""
        return [
            item["label"]
            for kind in ("nodebalancers", "volumes")
            for item in self.call("GET", kind)["data"]
            if f"lke{cluster_id}" in item["tags"]
        ]

    def create(self, label: str, *, region: str, nodes: int) -> int:
        """Create a cluster and return its id."""
        pools = [{"type": "g6-standard-2", "count": nodes}]
        body = {"label": label, "region": region, "k8s_version": "1.35", "node_pools": pools}
        return int(self.call("POST", "lke/clusters", body)["id"])

    def delete(self, cluster_id: int) -> None:
        """Delete a cluster, and then the load balancers and volumes that it leaves in the account."""
        self.call("DELETE", f"lke/clusters/{cluster_id}")
        # A cloud controller that still runs makes a load balancer anew whose nodes go.
        folder = self.layout.clusters / str(cluster_id)
        eventually(lambda: not folder.exists(), f"cluster {cluster_id} is gone")
        for kind in ("nodebalancers", "volumes"):
            for item in self.call("GET", kind)["data"]:
                if f"lke{cluster_id}" in item["tags"]:
                    self.call("DELETE", f"{kind}/{item['id']}")

    def node_states(self, cluster_id: int) -> list[str]:
        """The status of every node, as the API tells it."""
        pools = self.call("GET", f"lke/clusters/{cluster_id}/pools")["data"]
        return [node["status"] for pool in pools for node in pool["nodes"]]

    def ready(self, cluster_id: int) -> Cluster:
        """The cluster, when all its nodes are ready."""
        eventually(
            lambda: set(self.node_states(cluster_id)) == {"ready"},
            f"cluster {cluster_id} has only ready nodes",
            within_seconds=READY_SECONDS,
        )
        kubeconfig = self.folder / f"{cluster_id}.yaml"

        def written() -> bool:
            encoded = self.call("GET", f"lke/clusters/{cluster_id}/kubeconfig")["kubeconfig"]
            return kubeconfig.write_bytes(base64.b64decode(encoded)) > 0

        # Linode answers 503 for as long as a cluster has none.
        eventually(written, f"cluster {cluster_id} has a kubeconfig")
        return Cluster(layout=self.layout, id=cluster_id, kubeconfig=kubeconfig)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster, and kubectl with its kubeconfig from the API."""

    layout: Layout
    id: int
    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints; raises ClientError with what it said instead."""
        program = Provisions.read(self.layout.provisions).programs["kubectl"]
        line = [str(program), f"--kubeconfig={self.kubeconfig}", "--request-timeout=30s", *arguments]
        return client(self.layout, *line, stdin=stdin)

    def get(self, *what: str) -> Any:
        """An object, or a list of them."""
        return json.loads(self.kubectl("get", *what, "--output=json"))

    def apply(self, *documents: dict[str, Any]) -> None:
        """Create objects, or change them."""
        self.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(documents))

    def node_addresses(self) -> list[str]:
        """The ExternalIP of every node."""
        return [
            address["address"]
            for node in self.get("nodes")["items"]
            for address in node["status"]["addresses"]
            if address["type"] == "ExternalIP"
        ]

    def pod_addresses(self, labels: str) -> list[str]:
        """The addresses of the pods with some labels."""
        return [pod["status"]["podIP"] for pod in self.get("pods", "--selector", labels)["items"]]

    def run(self, pod: str, *command: str) -> str:
        """What a command in a pod prints."""
        return self.kubectl("exec", pod, "--", *command)


def web(name: str, *, replicas: int = 1) -> dict[str, Any]:
    """A Deployment whose pods answer every request on port 8080 with their own name."""
    script = "mkdir /tmp/www && hostname > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"
    container = {
        "name": "web",
        "image": "docker.io/library/busybox:1.36",
        "command": ["sh", "-c", script],
        "readinessProbe": {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
        },
    }


def service(name: str, kind: str) -> dict[str, Any]:
    """A Service of a type, in front of the Deployment of the same name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{name}-{kind.lower()}"},
        "spec": {"type": kind, "selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def claim(name: str) -> dict[str, Any]:
    """A claim of a volume that goes with it."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "storageClassName": "linode-block-storage",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
