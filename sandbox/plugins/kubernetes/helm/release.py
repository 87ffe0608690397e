"""A release as Helm has it stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tenacity

from sandbox.plugins.kubernetes.helm.executable import HelmError
from sandbox.plugins.kubernetes.kinds import kind_of
from sandbox.plugins.kubernetes.objects import Object, name, namespace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import Cancellation, Properties
    from sandbox.plugins.kubernetes.helm.executable import Helm
    from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig


@dataclass(frozen=True, kw_only=True)
class StoredRelease:
    """What Helm recorded of the last revision of a release."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    version: str
    app_version: str
    values: Properties
    objects: tuple[Object, ...]
    hooks: tuple[Object, ...]

    def status_output(self) -> Properties:
        """The output `status` of a Release."""
        return {
            "appVersion": self.app_version,
            "chart": self.chart,
            "name": self.name,
            "namespace": self.namespace,
            "revision": self.revision,
            "status": self.status,
            "version": self.version,
        }

    def resource_names(self) -> Properties:
        """The output `resourceNames`: names by kind and version, as `Deployment.apps/apps/v1`."""
        found: dict[str, set[str]] = {}
        for obj in self.objects:
            of = kind_of(obj["apiVersion"], obj["kind"])
            kind = f"{of.kind}.{of.group}" if of.group else of.kind
            label = f"{namespace(obj)}/{name(obj)}" if namespace(obj) else name(obj)
            found.setdefault(f"{kind}/{obj['apiVersion']}", set()).add(label)
        return {key: sorted(names) for key, names in sorted(found.items())}


def find(
    helm: Helm, kubeconfig: Kubeconfig, *, release: str, space: str, cancellation: Cancellation
) -> StoredRelease | None:
    """The release, or None if there is none. Raises HelmError.

    Asked for up to three times: whether there is one decides what is recorded, and must not depend on an
    API server that is busy for a moment.
    """

    @tenacity.retry(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, HelmError) and not error.release_missing),
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_fixed(1),
        sleep=cancellation.sleep,
        reraise=True,
    )
    def ask(*arguments: str) -> dict[str, Any]:
        command = [*arguments, release, "--output", "json"]
        answer = helm.run(command, kubeconfig=kubeconfig, namespace=space, cancellation=cancellation)
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    try:
        stored, metadata = ask("status"), ask("get", "metadata")
    except HelmError as error:
        if error.release_missing:
            return None
        raise
    return _stored(stored, metadata)


def told(answer: str) -> StoredRelease:
    """The release that `helm install` or `helm upgrade` prints as JSON when it is done, in the last line."""
    # Before it is what they say while they fetch a chart's dependencies.
    stored: dict[str, Any] = json.loads(answer.rstrip("\n").rpartition("\n")[2])
    chart = stored["chart"]["metadata"]
    return _stored(stored, {**chart, "chart": chart["name"]})


def _stored(stored: Mapping[str, Any], chart: Mapping[str, Any]) -> StoredRelease:
    """A release out of Helm's own record and what it says of the chart: `chart`, `version`, `appVersion`."""
    return StoredRelease(
        name=stored["name"],
        namespace=stored["namespace"],
        revision=stored["version"],
        status=stored["info"]["status"],
        chart=chart["chart"],
        version=chart["version"],
        app_version=chart.get("appVersion") or "",
        values=stored.get("config") or {},
        objects=tuple(_objects(stored.get("manifest") or "")),
        hooks=tuple(obj for hook in stored.get("hooks") or [] for obj in _objects(hook.get("manifest") or "")),
    )


def _objects(manifest: str) -> list[Object]:
    import yaml

    # Charts with definitions of custom resources run to megabytes: the C parser is ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = yaml.load_all(manifest, Loader=loader)
    return [document for document in documents if isinstance(document, dict) and document.get("kind")]
