"""Waiting until an object is ready, or gone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sandbox.plugins.framework import Deadline, ProviderError
from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError, UnreachableError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import TIMEOUT_SECONDS, Object, annotation, name, pluck
from sandbox.plugins.kubernetes.readiness.doorbell import Doorbell
from sandbox.plugins.kubernetes.readiness.look import Condition, Progress, View
from sandbox.plugins.kubernetes.readiness.others import ServiceReady

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.plugins.framework import Operation
    from sandbox.plugins.kubernetes.cluster import Cluster

EVENT: Final = Kind("", "v1", "Event")
DEFAULT_SECONDS: Final = 600.0
_EVENTS_SHOWN: Final = 5
# The bell tells of changes of the object itself; what belongs to it is looked at this often, less and less.
_FIRST_TICK, _LAST_TICK, _SLOWER_BY = 1.0, 5.0, 0.05


class NotReadyError(ProviderError):
    """An object exists and is not ready, with the reasons and its last known state."""

    def __init__(self, message: str, live: Object, reasons: Sequence[str]) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = tuple(reasons)


class NotGoneError(ProviderError):
    """An object was told to go and is still there."""


def allowed_time(operation: Operation, inputs: Object) -> Deadline:
    """Until when to wait: the program's customTimeouts, else the object's annotation, else ten minutes."""
    written = annotation(inputs, TIMEOUT_SECONDS)
    return operation.deadline(float(written) if written.isdecimal() else DEFAULT_SECONDS)


def await_ready(
    cluster: Cluster,
    live: Object,
    condition: Condition,
    *,
    before: Object | None,
    operation: Operation,
    deadline: Deadline,
) -> Object:
    """The object once it is ready. Raises NotReadyError if it fails, time is up or the user stops it."""
    started, said = time.monotonic(), ""
    with Doorbell(cluster, live, operation.cancellation) as bell:
        while True:
            live, progress = _look(cluster, live, condition, before)
            if progress.ready:
                operation.say("")
                return live
            line = _line(progress)
            if line != said:
                operation.say(line)
                said = line
            if progress.failed:
                raise _not_ready(cluster, live, progress, "failed")
            if operation.cancellation.requested:
                raise _not_ready(cluster, live, progress, "was waited for when the operation was cancelled")
            if deadline.passed:
                return _last_word(cluster, live, condition, before, progress)
            bell.wait(min(_tick(started), deadline.remaining))


def assess(cluster: Cluster, live: Object, condition: Condition) -> None:
    """Return if the object is ready now. Raises NotReadyError if not."""
    progress = _settled_look(condition, View(cluster, live, live))
    if not progress.ready:
        raise _not_ready(cluster, live, progress, "is not ready")


def await_gone(cluster: Cluster, obj: Object, *, operation: Operation, deadline: Deadline) -> None:
    """Return once the object is gone, or another took its name. Raises NotGoneError."""
    started, said = time.monotonic(), ""
    with Doorbell(cluster, obj, operation.cancellation) as bell:
        while (live := _still_there(cluster, obj)) is not None:
            finalizers = ", ".join(pluck(live, "metadata", "finalizers", default=[]))
            line = f"Waiting for deletion (finalizers: {finalizers})" if finalizers else "Waiting for deletion"
            if line != said:
                operation.say(line)
                said = line
            if operation.cancellation.requested or deadline.passed:
                why = "the operation was cancelled" if operation.cancellation.requested else "time was up"
                hint = f"; finalizers might be preventing deletion ({finalizers})" if finalizers else ""
                raise NotGoneError(f'"{name(obj)}" was told to go and was still there when {why}{hint}')
            bell.wait(min(_tick(started), deadline.remaining))
    operation.say("")


def warning_events(cluster: Cluster, obj: Object) -> list[str]:
    """The last warnings that controllers wrote about an object and what is named after it."""
    space = pluck(obj, "metadata", "namespace", default="")
    try:
        events = cluster.list_objects(EVENT, space, fieldSelector="type=Warning")
    except (ApiError, NoMatchError, UnreachableError):
        return []
    own = [event for event in events if _concerns(event, name(obj))]
    own.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    lines = [f"{event.get('reason', 'Warning')}: {event.get('message', '')}" for event in own]
    return list(dict.fromkeys(lines))[-_EVENTS_SHOWN:]


def _tick(started: float) -> float:
    """Seconds until the next look if the bell does not ring before."""
    return min(_LAST_TICK, _FIRST_TICK + (time.monotonic() - started) * _SLOWER_BY)


def _concerns(event: Object, owner: str) -> bool:
    subject = pluck(event, "involvedObject", "name", default="")
    return bool(subject == owner or subject.startswith(f"{owner}-"))


def _still_there(cluster: Cluster, obj: Object) -> Object | None:
    """The object if it is still the one that was there, and not another of its name."""
    try:
        live = cluster.get(obj)
    except NoMatchError:
        return None
    except UnreachableError:
        return obj  # it may answer again
    except ApiError as error:
        if error.not_found:
            return None
        raise
    uid = pluck(obj, "metadata", "uid")
    return live if uid is None or pluck(live, "metadata", "uid") == uid else None


def _look(cluster: Cluster, live: Object, condition: Condition, before: Object | None) -> tuple[Object, Progress]:
    """The object as it is now, and how far it has come.

    An API server that does not answer may answer again: the object exists, so the wait goes on.
    """
    try:
        live = cluster.get(live)
    except (ApiError, NoMatchError, UnreachableError) as error:
        if isinstance(error, ApiError) and error.not_found:
            raise NotReadyError(f'"{name(live)}" was deleted while it was waited for', live, ()) from error
        status = f"Waiting for the API server: {error}"
        return live, Progress(ready=False, status=status, problems=(status,))
    return live, condition.look(View(cluster, live, before))


def _last_word(
    cluster: Cluster, live: Object, condition: Condition, before: Object | None, progress: Progress
) -> Object:
    if _settled_look(condition, View(cluster, live, before)).ready:
        return live
    raise _not_ready(cluster, live, progress, "timed out waiting to be Ready")


def _settled_look(condition: Condition, view: View) -> Progress:
    """A look that nothing follows: what is settled by waiting counts as settled."""
    return condition.look_last(view) if isinstance(condition, ServiceReady) else condition.look(view)


def _line(progress: Progress) -> str:
    reason = next((problem for problem in progress.problems if problem.startswith("[Pod")), "")
    return f"{progress.status}; {reason}" if reason else progress.status


def _not_ready(cluster: Cluster, live: Object, progress: Progress, how: str) -> NotReadyError:
    problems = progress.problems or (progress.status,)
    return NotReadyError(f"'{name(live)}' {how}", live, (*problems, *warning_events(cluster, live)))
