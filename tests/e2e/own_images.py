"""A user's own image on a sandbox: its archive, the commands, and Jobs that run it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.clusters.host.processes import recall
from sandbox.toolchain import tool_path
from tests.clusters.own import Sample, saved, write

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout

NAME = "own/age:1"
"""As a user says it, and a pod."""
FULL_NAME = f"docker.io/{NAME}"


class Api(Protocol):
    """A cluster's API, by kubectl."""

    def kubectl(self, *arguments: str, stdin: str = ...) -> str:
        """What it prints."""

    def get(self, *what: str) -> Any:
        """An object."""


def archive(path: Path, *arguments: str) -> Path:
    """What `docker save` writes of an image with one program, which is in no other image under that path."""
    program = tool_path("age").read_bytes()
    return write(path, saved(Sample(files={"age": program}, command=("/age", *arguments)), NAME))


def images(layout: Layout, *arguments: str) -> str:
    """What `python -m sandbox images` says; raises CalledProcessError where it refuses."""
    line = [sys.executable, "-m", "sandbox", "images", *arguments, "--name", layout.name]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, line, done.stdout)
    return done.stdout


def processes(layout: Layout) -> dict[str, int]:
    """The numbers of what runs on nodes, and of the sandbox's own process."""
    files = [*layout.units.glob("*.containerd.json"), *layout.units.glob("*.kubelet.json"), layout.root / "daemon.json"]
    return {path.stem: running.pid for path in files if (running := recall(path))}


def job(name: str, *, node: str) -> dict[str, Any]:
    """Runs the image on a node, and would rather fail than pull it."""
    container = {"name": "own", "image": NAME, "imagePullPolicy": "Never"}
    spec = {"nodeName": node, "restartPolicy": "Never", "containers": [container]}
    # A sidecar would outlive the program.
    metadata = {"labels": {"sidecar.istio.io/inject": "false"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"backoffLimit": 0, "template": {"metadata": metadata, "spec": spec}},
    }


def nodes(api: Api) -> list[str]:
    """The names of a cluster's nodes."""
    return [node["metadata"]["name"] for node in api.get("nodes")["items"]]
