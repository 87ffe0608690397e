"""Waiting for objects while the API server has troubles of its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.plugins.framework import Cancellation, Deadline, Operation, ProviderError
from sandbox.plugins.framework.engine_log import EngineLog
from sandbox.plugins.kubernetes import settings
from sandbox.plugins.kubernetes.cluster import Cluster, Effect
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.errors import ApiError, UnreachableError
from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig
from sandbox.plugins.kubernetes.lifecycle import Writer
from sandbox.plugins.kubernetes.readiness import NotGoneError, NotReadyError, await_gone, await_ready, condition_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.plugins.kubernetes.kinds import Kind
    from sandbox.plugins.kubernetes.objects import Object

_CLAIM: Object = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk", "uid": "1"}}
_NOT_FOUND = ApiError(404, {"reason": "NotFound", "message": 'persistentvolumes "disk" not found'})


class Troubled(Cluster):
    """A cluster that answers each request with the next of these, the last one again and again."""

    def __init__(self, *answers: Object | Exception) -> None:
        super().__init__(Kubeconfig(document={}, context="c", namespace="default"))
        self._answers = list(answers)

    def get(self, obj: Object) -> Object:
        return self._answer()

    def create(self, obj: Object, *, field_manager: str, effect: Effect) -> Object:
        return self._answer()

    def list_objects(self, wanted: Kind, space: str = "", **query: str) -> list[Object]:
        return []

    @contextlib.contextmanager
    def stream(self, path: str, query: Mapping[str, str]) -> Iterator[tuple[Any, Iterator[bytes]]]:
        if path:
            raise UnreachableError("no watch here")
        yield None, iter(())

    def _answer(self) -> Object:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _operation(cancellation: Cancellation | None = None) -> Operation:
    return Operation(
        urn="urn:pulumi:t::t::kubernetes:core/v1:PersistentVolume::disk",
        cancellation=cancellation or Cancellation(),
        log=EngineLog(None),
    )


def _in_phase(phase: str) -> Object:
    return {**_CLAIM, "status": {"phase": phase}}


def _await(cluster: Cluster, seconds: float = 10, cancellation: Cancellation | None = None) -> Object:
    condition = condition_of(_CLAIM)
    assert condition is not None
    return await_ready(
        cluster, _CLAIM, condition, before=None, operation=_operation(cancellation), deadline=Deadline(seconds)
    )


def test_an_api_server_that_is_away_for_a_moment_ends_no_wait() -> None:
    away, busy = UnreachableError("connection refused"), ApiError(503, {"message": "shutting down"})
    found = _await(Troubled(away, _in_phase("Pending"), busy, _in_phase("Available")))
    assert found["status"] == {"phase": "Available"}


def test_the_reasons_are_told_when_time_is_up() -> None:
    with pytest.raises(NotReadyError, match="'disk' timed out waiting to be Ready") as raised:
        _await(Troubled(_in_phase("Pending")), seconds=0.2)
    assert raised.value.reasons == ("Waiting for the volume to be available (it is Pending)",)
    assert raised.value.live == _in_phase("Pending")


def test_a_wait_ends_as_soon_as_the_user_wants() -> None:
    cancellation = Cancellation()
    cancellation.request()
    with pytest.raises(NotReadyError, match="cancelled"):
        _await(Troubled(_in_phase("Pending")), seconds=600, cancellation=cancellation)


def test_an_object_that_is_deleted_meanwhile_is_not_waited_for() -> None:
    with pytest.raises(NotReadyError, match="was deleted while it was waited for"):
        _await(Troubled(_in_phase("Pending"), _NOT_FOUND))


def test_an_object_is_gone_when_another_has_its_name() -> None:
    other = {**_CLAIM, "metadata": {"name": "disk", "uid": "2"}}
    for answers in ((_CLAIM, other), (UnreachableError("away"), _NOT_FOUND)):
        await_gone(Troubled(*answers), _CLAIM, operation=_operation(), deadline=Deadline(20))
    with pytest.raises(NotGoneError, match="still there when time was up"):
        await_gone(Troubled(_CLAIM), _CLAIM, operation=_operation(), deadline=Deadline(0.1))


def test_what_an_object_needs_is_waited_for_and_nothing_else() -> None:
    missing = ApiError(404, {"reason": "NotFound", "details": {"kind": "namespaces"}})
    taken = ApiError(409, {"reason": "AlreadyExists", "message": "already there"})
    writer = Writer(cluster=Troubled(missing, _CLAIM), manager="m", operation=_operation())
    assert writer.create(_CLAIM, Effect.KEPT) == _CLAIM
    with pytest.raises(ApiError):
        Writer(cluster=Troubled(missing, _CLAIM), manager="m", operation=_operation()).create(_CLAIM, Effect.DRY_RUN)
    with pytest.raises(ProviderError, match=r"(?s)already there.*renamed: give it an alias"):
        Writer(cluster=Troubled(taken, _CLAIM), manager="m", operation=_operation()).create(_CLAIM, Effect.KEPT)


def test_an_unreachable_cluster_is_tried_again_but_not_for_every_object(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def version(self: Cluster) -> tuple[int, int]:
        asked.append("version")
        if len(asked) == 1:
            raise UnreachableError("connection refused")
        return (1, 35)

    monkeypatch.setattr(Cluster, "version", version)
    kubeconfig = '{"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}], "clusters": '
    chosen = settings.Settings(kubeconfig=kubeconfig + '[{"name": "c", "cluster": {}}]}')
    now = [0.0]
    found = Connection(chosen, clock=lambda: now[0])
    assert (found.reason, found.cluster, len(asked)) == ("connection refused", None, 1)
    now[0] = 60.0
    assert found.cluster is not None
    assert found.require() is found.cluster
    assert len(asked) == 2
