"""When objects are ready: each condition against what a cluster would show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.plugins.kubernetes.errors import ApiError
from sandbox.plugins.kubernetes.objects import Object, kind
from sandbox.plugins.kubernetes.readiness import condition_of, keeps_waiting_for_deletion
from sandbox.plugins.kubernetes.readiness.look import Progress, View
from sandbox.plugins.kubernetes.readiness.others import SETTLE_SECONDS, ServiceReady
from sandbox.plugins.kubernetes.readiness.waitfor import WaitForError, parse

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.kinds import Kind

_REVISION = "deployment.kubernetes.io/revision"


class Shown:
    """A cluster that shows these objects."""

    def __init__(self, *objects: Object) -> None:
        self._objects = objects

    def list_objects(self, wanted: Kind, space: str = "", **query: str) -> list[Object]:
        return [one for one in self._objects if kind(one) == wanted]


class Hidden:
    """A cluster whose user may list nothing."""

    def list_objects(self, wanted: Kind, space: str = "", **query: str) -> list[Object]:
        raise ApiError(403, {"reason": "Forbidden"})


def _object(what: str, api_version: str = "v1", *, metadata: Object | None = None, **fields: Any) -> Object:
    base = {"name": "x", "namespace": "default", "uid": "owner", "generation": 1}
    return {"apiVersion": api_version, "kind": what, "metadata": {**base, **(metadata or {})}, **fields}


def _look(live: Object, *related: Object) -> Progress:
    condition = condition_of(live)
    assert condition is not None
    return condition.look(View(Shown(*related), live, None))


def _true(*types: str) -> list[Object]:
    return [{"type": one, "status": "True", "reason": "NewReplicaSetAvailable"} for one in types]


def _deployment(revision: str = "1", **status: Any) -> Object:
    status = {"observedGeneration": 1, "conditions": _true("Available", "Progressing"), **status}
    volumes = [{"persistentVolumeClaim": {"claimName": "disk"}}]
    return _object(
        "Deployment",
        "apps/v1",
        metadata={"annotations": {_REVISION: revision}},
        spec={"template": {"spec": {"volumes": volumes}}},
        status=status,
    )


def _owned(what: str, api_version: str, name: str, owner: str, **fields: Any) -> Object:
    metadata = {"name": name, "uid": name, "ownerReferences": [{"uid": owner}], **fields.pop("metadata", {})}
    return _object(what, api_version, metadata=metadata, **fields)


def _replica_set(revision: str, ready: int, wanted: int = 2) -> Object:
    return _owned(
        "ReplicaSet",
        "apps/v1",
        f"set-{revision}",
        "owner",
        metadata={"annotations": {_REVISION: revision}},
        spec={"replicas": wanted},
        status={"readyReplicas": ready},
    )


def _pod(owner: str, *conditions: Object, **status: Any) -> Object:
    return _owned("Pod", "v1", "pod", owner, status={"conditions": list(conditions), **status})


def test_a_deployment_is_ready_with_the_replicas_of_its_present_revision() -> None:
    assert _look(_deployment("2"), _replica_set("1", 2), _replica_set("2", 2)).ready
    behind = _look(_deployment("2"), _replica_set("1", 2), _replica_set("2", 1))
    assert not behind.ready
    assert "(1/2 Pods available)" in behind.status
    assert not _look(_deployment("2"), _replica_set("1", 2)).ready, "the new set is not there yet"


def test_a_deployment_is_not_judged_by_the_status_of_an_earlier_generation() -> None:
    stale = _deployment()
    stale["metadata"]["generation"] = 2
    assert "controller to take up" in _look(stale, _replica_set("1", 2)).status
    unseen = _deployment()
    del unseen["status"]["observedGeneration"]
    assert not _look(unseen, _replica_set("1", 2)).ready


def test_a_rollout_that_still_runs_is_not_ready() -> None:
    running = _deployment("2", conditions=[*_true("Available"), {"type": "Progressing", "status": "True"}])
    assert not _look(running, _replica_set("2", 2)).ready
    assert _look(_deployment("1", conditions=_true("Available")), _replica_set("1", 2)).ready, (
        "a first one rolls nothing"
    )


def test_a_deployment_scaled_to_nothing_is_ready() -> None:
    assert _look(_deployment(), _replica_set("1", 0, wanted=0)).ready


def test_a_deployment_waits_for_the_claims_that_it_mounts() -> None:
    pending = _object("PersistentVolumeClaim", metadata={"name": "disk"}, status={"phase": "Pending"})
    progress = _look(_deployment(), _replica_set("1", 2), pending)
    assert progress.problems == ("Failed to bind PersistentVolumeClaim(s): disk",)
    bound = {**pending, "status": {"phase": "Bound"}}
    other = _object("PersistentVolumeClaim", metadata={"name": "other"}, status={"phase": "Pending"})
    assert _look(_deployment(), _replica_set("1", 2), bound, other).ready


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (
            _pod("set-1", *_true("PodScheduled", "Initialized"), containerStatuses=[
                {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]),
            "[Pod pod]: [ImagePullBackOff] no such image",
        ),
        (
            _pod("set-1", *_true("PodScheduled", "Initialized"), containerStatuses=[
                {"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                 "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}}]),
            '[Pod pod]: [CrashLoopBackOff]; container "c" ended before with exit code 3 (Error)',
        ),
        (
            _pod("set-1", {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}),
            "[Pod pod]: 0/1 nodes are available",
        ),
        (
            _pod("set-1", *_true("PodScheduled"), initContainerStatuses=[
                {"name": "i", "state": {"terminated": {"exitCode": 1, "message": "no database"}}}]),
            '[Pod pod]: container "i" ended with exit code 1 (no database)',
        ),
    ],
)  # fmt: skip
def test_what_keeps_a_pod_from_running_is_told(pod: Object, expected: str) -> None:
    unavailable = _deployment(conditions=[{"type": "Available", "status": "False", "reason": "M", "message": "few"}])
    progress = _look(unavailable, _replica_set("1", 0), pod)
    assert progress.problems == ("[M] few", "Minimum number of live Pods was not attained", expected)


def test_a_user_who_may_not_list_pods_still_gets_an_answer() -> None:
    live = _object("DaemonSet", "apps/v1", status={"observedGeneration": 1, "desiredNumberScheduled": 1})
    condition = condition_of(live)
    assert condition is not None
    assert condition.look(View(Hidden(), live, None)).problems == ("Scheduled: 0/1",)


def _stateful(generation: int = 1, strategy: str = "RollingUpdate", **status: Any) -> Object:
    counts = dict.fromkeys(("replicas", "readyReplicas", "currentReplicas", "updatedReplicas"), 2)
    full = {"observedGeneration": generation, "currentRevision": "a", "updateRevision": "a", **counts, **status}
    spec = {"replicas": 2, "updateStrategy": {"type": strategy}}
    return _object("StatefulSet", "apps/v1", metadata={"generation": generation}, spec=spec, status=full)


def test_a_stateful_set_is_ready_when_all_replicas_are_of_the_same_revision() -> None:
    assert _look(_stateful()).ready
    assert not _look(_stateful(readyReplicas=1)).ready
    rolling = _look(_stateful(2, updateRevision="b", updatedReplicas=1))
    assert rolling.problems == ('StatefulSet did not advance from revision "a" to revision "b"',)
    assert _look(_stateful(2, "OnDelete", updateRevision="b")).ready, "nobody deletes its Pods but the user"


def test_a_daemon_set_is_ready_when_every_node_has_its_pod() -> None:
    counts = dict.fromkeys(("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"), 3)
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, **counts}
    assert _look(_object("DaemonSet", "apps/v1", status=status)).ready
    assert _look(_object("DaemonSet", "apps/v1", status={**status, "numberAvailable": 2})).status == "Available: 2/3"


def test_a_job_is_ready_when_complete_and_failed_when_given_up() -> None:
    assert _look(_object("Job", "batch/v1", status={"startTime": "t", "conditions": _true("Complete")})).ready
    failed = [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too late"}]
    progress = _look(_object("Job", "batch/v1", status={"startTime": "t", "conditions": failed}))
    assert (progress.ready, progress.failed, progress.status) == (False, True, "[DeadlineExceeded] too late")
    assert "to start" in _look(_object("Job", "batch/v1")).status


def _service_look(service: Object, *related: Object, waited: float = 0.0, last: bool = False) -> Progress:
    now = [0.0]
    condition = ServiceReady(lambda: now[0])
    view = View(Shown(*related), service, None)
    condition.look(view)
    now[0] += waited
    return condition.look_last(view) if last else condition.look(view)


def test_a_load_balancer_is_ready_with_an_address() -> None:
    waiting = _object("Service", spec={"type": "LoadBalancer"})
    assert _service_look(waiting).problems == (
        "Service was not allocated an IP address; does your cloud provider support this?",
    )
    assert _service_look({**waiting, "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}}).ready


@pytest.mark.parametrize(
    "spec", [{"clusterIP": "None", "selector": {"a": "b"}}, {"type": "ExternalName", "selector": {"a": "b"}}, {}]
)
def test_a_service_without_endpoints_of_its_own_is_ready_at_once(spec: Object) -> None:
    assert _service_look(_object("Service", spec=spec)).ready


def test_a_service_is_ready_when_its_endpoints_have_settled() -> None:
    service = _object("Service", spec={"selector": {"a": "b"}})
    none, settled = _object("Endpoints"), _object("Endpoints", subsets=[{"addresses": [{"ip": "1.1.1.1"}]}])
    pending = _object("Endpoints", subsets=[{"notReadyAddresses": [{"ip": "1.1.1.1"}]}])
    assert not _service_look(service, settled).ready
    assert _service_look(service, settled, waited=SETTLE_SECONDS).ready
    assert _service_look(service, none, waited=SETTLE_SECONDS).ready, "it may select nothing"
    assert not _service_look(service, pending, waited=SETTLE_SECONDS).ready
    assert not _service_look(service, waited=SETTLE_SECONDS).ready, "no controller has made endpoints yet"


def test_a_service_whose_endpoints_never_come_is_no_failure() -> None:
    service = _object("Service", spec={"selector": {"a": "b"}})
    assert _service_look(service, last=True).ready
    pending = _object("Endpoints", subsets=[{"notReadyAddresses": [{"ip": "1.1.1.1"}]}])
    assert not _service_look(service, pending, last=True).ready


def test_a_claim_is_ready_when_bound_or_when_it_waits_for_a_pod_by_design() -> None:
    claim = _object("PersistentVolumeClaim", spec={"storageClassName": "late"}, status={"phase": "Pending"})
    late = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "late"}}
    assert not _look(claim, {**late, "volumeBindingMode": "Immediate"}).ready
    assert _look(claim, {**late, "volumeBindingMode": "WaitForFirstConsumer"}).ready
    assert _look({**claim, "status": {"phase": "Bound"}}).ready


def test_the_rest_is_ready_when_its_controller_has_done_its_part() -> None:
    definition = _object("CustomResourceDefinition", "apiextensions.k8s.io/v1")
    assert not _look(definition).ready
    assert _look({**definition, "status": {"conditions": _true("NamesAccepted", "Established")}}).ready
    token = _object("Secret", type="kubernetes.io/service-account-token")
    assert not _look(token).ready
    assert _look({**token, "data": {"token": "dA=="}}).ready
    assert _look(_object("Secret", type="Opaque")).ready
    assert _look(_object("PersistentVolume", status={"phase": "Available"})).ready
    quota = _object("ResourceQuota", spec={"hard": {"pods": "1"}})
    assert not _look(quota).ready
    assert _look({**quota, "status": {"hard": {"pods": "1"}}}).ready
    for ready_at_once in ("ConfigMap", "Namespace", "ServiceAccount"):
        assert condition_of(_object(ready_at_once)) is None


def test_annotations_go_before_the_built_in_notion() -> None:
    skipped = _object("Deployment", "apps/v1", metadata={"annotations": {"pulumi.com/skipAwait": "true"}})
    assert condition_of(skipped) is None
    assert not keeps_waiting_for_deletion(skipped)
    own = _object("Job", "batch/v1", metadata={"annotations": {"pulumi.com/waitFor": "condition=Suspended"}})
    own["status"] = {"conditions": _true("Suspended")}
    assert _look(own).ready


@pytest.mark.parametrize(
    ("annotation", "ready"),
    [
        ("jsonpath={.status.phase}=Running", True),
        ("jsonpath={.status.phase}=Gone", False),
        ("jsonpath={.status.phase}", True),
        ("jsonpath={.status.missing}", False),
        ("jsonpath={.status.count}=3", True),
        ("jsonpath={.status.done}=true", True),
        ("jsonpath={.status.parts}", True),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', True),
        ("jsonpath={$.status.phase}=Running", True),
        ("condition=Ready", True),
        ("condition=ready=true", True),
        ("condition=Ready=False", False),
        ("condition=Missing", False),
        ("condition=Stale", False),
        ('["condition=Ready", "jsonpath={.status.phase}=Running"]', True),
        ('["condition=Ready", "jsonpath={.status.phase}=Gone"]', False),
    ],
)
def test_a_program_can_say_what_to_wait_for(annotation: str, ready: bool) -> None:
    status = {
        "phase": "Running",
        "count": 3,
        "done": True,
        "parts": [1],
        "conditions": [*_true("Ready"), {"type": "Stale", "status": "True", "observedGeneration": 0}],
    }
    progress = parse(annotation).look(View(Shown(), _object("Widget", "example.com/v1", status=status), None))
    assert progress.ready is ready
    assert ready or progress.problems


def test_a_status_of_an_earlier_generation_fulfils_nothing() -> None:
    stale = _object("Widget", "example.com/v1", status={"observedGeneration": 0, "phase": "Running"})
    stale["status"]["conditions"] = _true("Ready")
    for annotation in ("jsonpath={.status.phase}=Running", "condition=Ready"):
        assert not parse(annotation).look(View(Shown(), stale, None)).ready


@pytest.mark.parametrize(
    "annotation",
    ["status.phase", "jsonpath=.status", "jsonpath='{.status}'", "jsonpath={.status}=", "jsonpath={.[}", "[]"],
)
def test_a_wait_that_cannot_be_understood_is_refused(annotation: str) -> None:
    with pytest.raises(WaitForError, match=r"pulumi\.com/waitFor"):
        parse(annotation)
