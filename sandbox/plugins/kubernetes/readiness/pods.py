"""Why a Pod is not ready, and when one is (provider/pkg/await/checker/pod of pulumi-kubernetes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Object, is_owned_by, name, namespace, pluck
from sandbox.plugins.kubernetes.readiness.look import Progress, is_true, state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.plugins.kubernetes.readiness.look import View

POD = Kind("", "v1", "Pod")


class PodReady:
    """A Pod is ready once scheduled, initialized and either Ready or finished with success."""

    def look(self, view: View) -> Progress:
        """How far the Pod has come."""
        pod = view.live
        for condition, step in (
            ("PodScheduled", "scheduled"),
            ("Initialized", "initialized"),
            ("Ready", "ready"),
        ):
            finished = condition == "Ready" and pluck(pod, "status", "phase") == "Succeeded"
            if not is_true(pod, condition) and not finished:
                return Progress(
                    ready=False,
                    status=f'Waiting for Pod "{_label(pod)}" to be {step}',
                    problems=tuple(problems([pod])),
                )
        return Progress(ready=True)


def problems(pods: Iterable[Object]) -> Iterator[str]:
    """What keeps these Pods from being ready, in words, in the order of their names."""
    for pod in sorted(pods, key=name):
        for condition in ("PodScheduled", "Initialized", "Ready"):
            if not is_true(pod, condition) and pluck(pod, "status", "phase") != "Succeeded":
                yield from _problem(pod, state_of(pod, condition))
                break


def owned_problems(view: View, owner: Object) -> tuple[str, ...]:
    """What keeps the Pods of one owner from being ready."""
    return tuple(problems(pod for pod in view.related(POD) if is_owned_by(pod, owner)))


def _problem(pod: Object, condition: Object) -> Iterator[str]:
    words = [condition["message"]] if condition.get("message") else []
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in pluck(pod, "status", kind, default=[]):
            if not container.get("ready"):
                words += _container_problems(container)
    if words:
        yield f"[Pod {_label(pod)}]: " + "; ".join(words)


def _container_problems(container: dict[str, Any]) -> Iterator[str]:
    waiting = pluck(container, "state", "waiting", default={})
    if waiting and waiting.get("reason") not in ("ContainerCreating", "PodInitializing"):
        yield f"[{waiting.get('reason')}] {waiting.get('message', '')}".rstrip()
    terminated = pluck(container, "state", "terminated", default={})
    if terminated and terminated.get("exitCode"):
        reason = terminated.get("message") or terminated.get("reason", "")
        yield f'container "{container["name"]}" ended with exit code {terminated["exitCode"]} ({reason})'
    last = pluck(container, "lastState", "terminated", default={})
    if last:
        reason = last.get("message") or last.get("reason", "")
        yield f'container "{container["name"]}" ended before with exit code {last.get("exitCode")} ({reason})'


def _label(pod: Object) -> str:
    space = namespace(pod)
    return name(pod) if space in ("", "default") else f"{space}/{name(pod)}"
