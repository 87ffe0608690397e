"""What Kubernetes' controllers would do, as far as the tests need it: the API server alone does none of it.

An image named `broken` never starts; a Job whose image is `failing` fails; everything else is fine at once.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import threading
from typing import TYPE_CHECKING, Final, Self

from sandbox.plugins.kubernetes.cluster import Cluster, Effect
from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError, UnreachableError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Object, is_owned_by, name, namespace, pluck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any

LOAD_BALANCER_ADDRESS: Final = "203.0.113.10"
_REVISION: Final = "deployment.kubernetes.io/revision"
_KINDS: Final = (
    Kind("", "v1", "ConfigMap"),
    Kind("", "v1", "Namespace"),
    Kind("", "v1", "Secret"),
    Kind("", "v1", "Service"),
    Kind("", "v1", "ServiceAccount"),
    Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    Kind("apps", "v1", "Deployment"),
    Kind("apps", "v1", "ReplicaSet"),
    Kind("batch", "v1", "Job"),
    Kind("rbac.authorization.k8s.io", "v1", "Role"),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding"),
)


class Controllers:
    """Threads that watch objects and act on them, as a context manager."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stopping = threading.Event()
        self._responses: list[Any] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for kind in _KINDS:
            self.look_after(kind)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for response in self._responses:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                response.shutdown()
        for thread in self._threads:
            thread.join(5)

    def look_after(self, kind: Kind) -> None:
        """Watch one more kind of object, such as a custom one."""
        thread = threading.Thread(target=self._watch, args=(kind,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch(self, kind: Kind) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(ApiError, NoMatchError, UnreachableError, OSError, ValueError):
                path = self._cluster.route(kind).path()
                with self._cluster.stream(path, {"watch": "true"}) as (response, chunks):
                    self._responses.append(response)
                    for event in _lines(chunks):
                        self._handle(event)
            self._stopping.wait(0.2)

    def _handle(self, event: Object) -> None:
        if event["type"] not in ("ADDED", "MODIFIED"):
            return
        obj = event["object"]
        # The object may have changed or gone since: its next event tells.
        with contextlib.suppress(ApiError):
            if pluck(obj, "metadata", "deletionTimestamp"):
                self._let_go(obj)
            elif act := _ACTS.get(obj["kind"]):
                act(self._cluster, obj)

    def _let_go(self, obj: Object) -> None:
        if obj["kind"] == "Namespace" and pluck(obj, "spec", "finalizers"):
            path = self._cluster.address(obj) + "/finalize"
            self._cluster.request("PUT", path, body={**obj, "spec": {"finalizers": []}})
            return
        finalizers = pluck(obj, "metadata", "finalizers", default=[])
        kept = [one for one in finalizers if one != "foregroundDeletion"]
        if kept != finalizers:
            self._cluster.json_patch(obj, [{"op": "replace", "path": "/metadata/finalizers", "value": kept}])


def _lines(chunks: Iterator[bytes]) -> Iterator[Object]:
    rest = b""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            if line.strip():
                yield json.loads(line)


def set_status(cluster: Cluster, obj: Object, status: Object) -> Object:
    """Give an object a status, as its controller does."""
    path = cluster.address(obj) + "/status"
    return cluster.request("PUT", path, body={**obj, "status": {**obj.get("status", {}), **status}})


def _roll_out(cluster: Cluster, deployment: Object) -> None:
    if pluck(deployment, "status", "observedGeneration") == deployment["metadata"]["generation"]:
        return
    template = deployment["spec"]["template"]
    sets = list(cluster.list_objects(Kind("apps", "v1", "ReplicaSet"), namespace(deployment)))
    own = [one for one in sets if is_owned_by(one, deployment)]
    replica_set = next((one for one in own if _images(one) == _images(deployment)), None)
    if replica_set is None:
        replica_set = cluster.create(
            _replica_set(deployment, template, len(own) + 1), field_manager="controller", effect=Effect.KEPT
        )
    ready = 0 if "broken" in _images(deployment) else pluck(deployment, "spec", "replicas", default=1)
    set_status(cluster, replica_set, {"observedGeneration": 1, "replicas": ready, "readyReplicas": ready})
    if not ready:
        _stuck_pod(cluster, replica_set)
    revision = replica_set["metadata"]["annotations"][_REVISION]
    annotate = {"op": "add", "path": "/metadata/annotations", "value": {}}
    operations = [] if pluck(deployment, "metadata", "annotations") else [annotate]
    place = "/metadata/annotations/deployment.kubernetes.io~1revision"
    deployment = cluster.json_patch(deployment, [*operations, {"op": "add", "path": place, "value": revision}])
    set_status(cluster, deployment, _rolled_out(deployment, ready))


def _rolled_out(deployment: Object, ready: int) -> Object:
    available = {"type": "Available", "status": "True" if ready else "False", "reason": "MinimumReplicas"}
    progressing = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": ready,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": ready,
        "conditions": [available, progressing],
    }


def _images(obj: Object) -> list[str]:
    return [container["image"] for container in obj["spec"]["template"]["spec"]["containers"]]


def _replica_set(deployment: Object, template: Object, revision: int) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name(deployment)}-{deployment['metadata']['uid'][:8]}-{revision}",
            "namespace": namespace(deployment),
            "annotations": {_REVISION: str(revision)},
            "labels": template["metadata"]["labels"],
            "ownerReferences": [_owner(deployment)],
        },
        "spec": {
            "replicas": deployment["spec"]["replicas"],
            "selector": deployment["spec"]["selector"],
            "template": template,
        },
    }


def _owner(obj: Object) -> Object:
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": name(obj),
        "uid": obj["metadata"]["uid"],
        "controller": True,
    }


def _stuck_pod(cluster: Cluster, replica_set: Object) -> None:
    pod = cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{name(replica_set)}-stuck",
                "namespace": namespace(replica_set),
                "ownerReferences": [_owner(replica_set)],
            },
            "spec": replica_set["spec"]["template"]["spec"],
        },
        field_manager="controller",
        effect=Effect.KEPT,
    )
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "broken"'}}
    true = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized")]
    status = {
        "phase": "Pending",
        "conditions": [*true, {"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {"name": "main", "image": "broken", "imageID": "", "ready": False, "restartCount": 0, "state": waiting}
        ],
    }
    set_status(cluster, pod, status)


def _balance(cluster: Cluster, service: Object) -> None:
    if pluck(service, "spec", "selector"):
        endpoints = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": name(service), "namespace": namespace(service)},
        }
        with contextlib.suppress(ApiError):
            cluster.create(endpoints, field_manager="controller", effect=Effect.KEPT)
    if pluck(service, "spec", "type") == "LoadBalancer" and not pluck(service, "status", "loadBalancer", "ingress"):
        set_status(cluster, service, {"loadBalancer": {"ingress": [{"ip": LOAD_BALANCER_ADDRESS}]}})


def _run_job(cluster: Cluster, job: Object) -> None:
    counts: Object
    told: Object
    if pluck(job, "status", "conditions"):
        return
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if "failing" in _images(job):
        kinds, counts = ("FailureTarget", "Failed"), {"failed": 1}
        told = {"reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
    else:
        kinds, counts, told = ("SuccessCriteriaMet", "Complete"), {"succeeded": 1, "completionTime": now}, {}
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": now, **told} for kind in kinds]
    set_status(cluster, job, {"startTime": now, "conditions": conditions, **counts})


_ACTS: Final[dict[str, Callable[[Cluster, Object], None]]] = {
    "Deployment": _roll_out,
    "Service": _balance,
    "Job": _run_job,
}
