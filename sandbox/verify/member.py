"""A running fleet with kubectl, as its viewers and as its operators have it: two identities, two types.

What only looks takes a `View`. What takes an `Operator` or a `Member` needs more, and says what for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fleet.naming import DEFAULT_NAMESPACE, KARMADA
from sandbox.clusters.host.provisions import Provisions
from sandbox.clusters.host.subprocesses import inside, run
from sandbox.privileges import as_invoker, identity
from sandbox.verify.kubeconfigs import keep_all, keep_views

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout


@dataclass(frozen=True, kw_only=True)
class Client:
    """kubectl with one kubeconfig, inside one sandbox."""

    kubeconfig: Path
    layout: Layout

    def kubectl(self, *arguments: str, stdin: str = "", timeout_seconds: float = 60.0) -> str:
        """What kubectl prints, run where the clusters are. Raises CommandError."""
        program = str(Provisions.read(self.layout.provisions).programs["kubectl"])
        line = [program, f"--kubeconfig={self.kubeconfig}", *arguments]
        return run(
            *inside(self.layout.wan, as_invoker(line)),
            stdin=stdin,
            extra_environment=identity(),
            timeout_seconds=timeout_seconds,
        )

    def get(self, *what: str) -> Any:
        """An object, or a list of them. Raises CommandError."""
        return json.loads(self.kubectl("get", *what, "--output=json"))


@dataclass(frozen=True, kw_only=True)
class View(Client):
    """An API server with a viewer's identity, which reads all but secrets, changes nothing and enters no pod."""

    name: str
    """The cluster's in the stack, or Karmada's."""

    def running(self, workload: str, namespace: str = DEFAULT_NAMESPACE) -> list[dict[str, Any]]:
        """A workload's pods that run, are ready, and are not about to go. Raises CommandError."""
        return [
            pod
            for pod in self.get("pods", f"--selector=app={workload}", f"--namespace={namespace}")["items"]
            if "deletionTimestamp" not in pod["metadata"]
            and any(
                condition["type"] == "Ready" and condition["status"] == "True"
                for condition in pod["status"].get("conditions", ())
            )
        ]


@dataclass(frozen=True, kw_only=True)
class Operator(Client):
    """An API server with the operator's identity, which may do everything; `view` is the same one for the rest."""

    view: View


@dataclass(frozen=True, kw_only=True)
class Member(Operator):
    """One member: its name and region in the stack, and its API server."""

    name: str
    region: str

    def running(self, workload: str, namespace: str = DEFAULT_NAMESPACE) -> list[dict[str, Any]]:
        """What `View.running` has. Raises CommandError."""
        return self.view.running(workload, namespace)

    def shell(self, workload: str, script: str, *, timeout_seconds: float = 60.0) -> str:
        """What a script prints in the first container of a workload (`deployment/NAME`). Raises CommandError."""
        container = workload.rpartition("/")[2]
        line = ("exec", workload, f"--container={container}", "--", "sh", "-c", script)
        return self.kubectl(*line, timeout_seconds=timeout_seconds)

    def proxy(self, workload: str, path: str, *, namespace: str = "default") -> Any:
        """What a pod's Envoy answers at its admin interface, which only the agent beside it reaches."""
        line = ("exec", workload, f"--namespace={namespace}", "--container=istio-proxy", "--")
        return json.loads(self.kubectl(*line, "pilot-agent", "request", "GET", path))


def views(outputs: Mapping[str, Any], layout: Layout, folder: Path) -> dict[str, View]:
    """Every cluster in a stack's outputs and Karmada, by name, as viewers see them; kubeconfigs are kept in a folder.

    Raises OSError where the folder cannot be written.
    """
    return {name: View(name=name, kubeconfig=file, layout=layout) for name, file in keep_views(outputs, folder).items()}


def karmada_api(outputs: Mapping[str, Any], layout: Layout, folder: Path) -> Operator | None:
    """Karmada's own API, if the stack has it; kubeconfigs are kept in a folder. Raises OSError as `views` does."""
    kubeconfigs = keep_all(outputs, folder)
    if KARMADA not in kubeconfigs:
        return None
    return Operator(kubeconfig=kubeconfigs[KARMADA], layout=layout, view=views(outputs, layout, folder)[KARMADA])


def members(outputs: Mapping[str, Any], layout: Layout, folder: Path) -> tuple[Member, ...]:
    """The members in a stack's outputs, with secrets in the clear, but for those that are expelled.

    Kubeconfigs are kept in a folder of the caller's.

    Raises OSError where the folder cannot be written.
    """
    kubeconfigs, seen = keep_all(outputs, folder), views(outputs, layout, folder)
    return tuple(
        Member(
            name=cluster["name"],
            region=cluster["region"],
            kubeconfig=kubeconfigs[cluster["name"]],
            layout=layout,
            view=seen[cluster["name"]],
        )
        for cluster in outputs["clusters"]
        if cluster["network"] and not cluster.get("expelled")  # The manager is in no network of the mesh.
    )
