"""When Deployments, StatefulSets, DaemonSets, ReplicationControllers and Jobs are ready.

The rules are the official provider's (provider/pkg/await: deployment.go, statefulset.go, daemonset.go,
checker/job) with those of sigs.k8s.io/cli-utils' kstatus where it relies on that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Object, is_owned_by, name, pluck
from sandbox.plugins.kubernetes.readiness.look import Progress, explain, is_true, state_of
from sandbox.plugins.kubernetes.readiness.pods import owned_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.plugins.kubernetes.readiness.look import View

REPLICA_SET = Kind("apps", "v1", "ReplicaSet")
CLAIM = Kind("", "v1", "PersistentVolumeClaim")
_REVISION = "deployment.kubernetes.io/revision"


class DeploymentReady:
    """A Deployment is ready when its present revision is.

    That is: its controller has seen this generation, it is Available, the ReplicaSet of its revision has
    all its replicas ready, any rollout has ended (Progressing, NewReplicaSetAvailable) and the claims that
    its Pods mount are bound.
    """

    def look(self, view: View) -> Progress:
        """How far the Deployment has come."""
        live = view.live
        if pluck(live, "status", "observedGeneration") is None or not view.observed:
            return _unseen("Deployment", live)
        revision = pluck(live, "metadata", "annotations", _REVISION, default="0")
        replica_set = self._replica_set(view, revision)
        wanted = pluck(replica_set, "spec", "replicas", default=1)
        ready = pluck(replica_set, "status", "readyReplicas", default=0)
        available = is_true(live, "Available")
        rolled_out = revision == "1" or self._rolled_out(live)
        live_set = bool(replica_set) and ready >= wanted
        unbound = self._unbound_claims(view)
        if available and rolled_out and live_set and not unbound:
            return Progress(ready=True, status="Deployment is available")
        waiting = f"Waiting for app ReplicaSet to be available ({ready}/{wanted} Pods available)"
        if not available:
            lack = "Minimum number of live Pods was not attained"
        elif not (rolled_out and live_set):
            lack = "Minimum number of Pods to consider the application live was not attained"
        else:
            lack = ""
        found = (
            *self._conditions(live),
            *((f"Failed to bind PersistentVolumeClaim(s): {', '.join(unbound)}",) if unbound else ()),
            *((lack,) if lack else ()),
            *owned_problems(view, replica_set),
        )
        return Progress(ready=False, status=waiting, problems=found)

    def _replica_set(self, view: View, revision: str) -> Object:
        for candidate in view.related(REPLICA_SET):
            same = pluck(candidate, "metadata", "annotations", _REVISION) == revision
            if same and is_owned_by(candidate, view.live):
                return candidate
        return {}

    def _rolled_out(self, live: Object) -> bool:
        progressing = state_of(live, "Progressing")
        return is_true(live, "Progressing") and progressing.get("reason") == "NewReplicaSetAvailable"

    def _conditions(self, live: Object) -> Iterator[str]:
        for name_of_condition in ("Progressing", "Available", "ReplicaFailure"):
            condition = state_of(live, name_of_condition)
            bad = "True" if name_of_condition == "ReplicaFailure" else "False"
            if condition.get("status") == bad:
                yield explain(condition)

    def _unbound_claims(self, view: View) -> list[str]:
        volumes = pluck(view.live, "spec", "template", "spec", "volumes", default=[])
        mounted = {pluck(volume, "persistentVolumeClaim", "claimName") for volume in volumes} - {None}
        if not mounted:
            return []
        claims = [claim for claim in view.related(CLAIM) if name(claim) in mounted]
        return sorted(name(claim) for claim in claims if pluck(claim, "status", "phase") != "Bound")


class StatefulSetReady:
    """A StatefulSet is ready when all replicas are, of the revision that it is being updated to."""

    def look(self, view: View) -> Progress:
        """How far the StatefulSet has come."""
        live = view.live
        if pluck(live, "status", "observedGeneration") is None or not view.observed:
            return _unseen("StatefulSet", live)
        wanted = pluck(live, "spec", "replicas", default=0)
        total, ready, current, updated = (
            pluck(live, "status", key, default=0)
            for key in ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas")
        )
        before, after = (pluck(live, "status", key, default="") for key in ("currentRevision", "updateRevision"))
        manual = pluck(live, "spec", "updateStrategy", "type") == "OnDelete"
        if pluck(live, "metadata", "generation", default=0) > 1 and manual:
            # Its Pods are replaced when someone deletes them: nothing to wait for.
            revision_ready, replicas_ready = True, wanted == total == ready
        else:
            revision_ready, replicas_ready = before != "" and before == after, wanted == total == ready == current
        if revision_ready and replicas_ready:
            return Progress(ready=True, status="StatefulSet is ready")
        counted = ready if revision_ready else min(ready, updated)
        found = []
        if not replicas_ready:
            found.append(f"{counted} out of {wanted} replicas succeeded readiness checks")
        if not revision_ready:
            found.append(f'StatefulSet did not advance from revision "{before}" to revision "{after}"')
        return Progress(
            ready=False,
            status=f"Waiting for StatefulSet to roll out ({counted}/{wanted} Pods ready)",
            problems=(*found, *owned_problems(view, live)),
        )


class DaemonSetReady:
    """A DaemonSet is ready when every node that should has an updated, available, ready Pod of it."""

    def look(self, view: View) -> Progress:
        """How far the DaemonSet has come."""
        live = view.live
        desired = pluck(live, "status", "desiredNumberScheduled")
        if pluck(live, "status", "observedGeneration") is None or not view.observed or desired is None:
            return _unseen("DaemonSet", live)
        for word, key in (
            ("Scheduled", "currentNumberScheduled"),
            ("Updated", "updatedNumberScheduled"),
            ("Available", "numberAvailable"),
            ("Ready", "numberReady"),
        ):
            number = pluck(live, "status", key, default=0)
            if number < desired:
                status = f"{word}: {number}/{desired}"
                return Progress(ready=False, status=status, problems=(status, *owned_problems(view, live)))
        return Progress(ready=True, status=f"All replicas scheduled as expected. Replicas: {desired}")


class ReplicationControllerReady:
    """A ReplicationController is ready when its replicas are available."""

    def look(self, view: View) -> Progress:
        """How far the ReplicationController has come."""
        wanted = pluck(view.live, "spec", "replicas", default=1)
        available = pluck(view.live, "status", "availableReplicas", default=0)
        status = f"Waiting for replicas to be available ({available}/{wanted})"
        return Progress(ready=available == wanted, status=status, problems=(status, *owned_problems(view, view.live)))


class JobReady:
    """A Job is ready when it has completed, and has failed when Kubernetes gave it up."""

    def look(self, view: View) -> Progress:
        """How far the Job has come."""
        live = view.live
        failure = state_of(live, "Failed")
        if failure.get("status") == "True":
            found = (explain(failure), *owned_problems(view, live))
            return Progress(ready=False, status=explain(failure), problems=found, failed=True)
        if pluck(live, "status", "startTime") is None:
            return Progress(ready=False, status=f'Waiting for Job "{name(live)}" to start')
        if is_true(live, "Complete"):
            return Progress(ready=True, status="Job has completed")
        counts = " | ".join(
            f"{word}: {pluck(live, 'status', word.lower(), default=0)}" for word in ("Active", "Succeeded", "Failed")
        )
        status = f'Waiting for Job "{name(live)}" to succeed ({counts})'
        return Progress(ready=False, status=status, problems=(status, *owned_problems(view, live)))


def _unseen(what: str, live: Object) -> Progress:
    status = f'Waiting for the {what} controller to take up "{name(live)}"'
    return Progress(ready=False, status=status, problems=(status,))
