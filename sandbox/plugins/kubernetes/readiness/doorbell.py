"""A bell that rings when an object changes.

What is ready is decided by looking (look.py). The bell, a watch of the one object, only says when to look
again, so that nothing is missed if a watch breaks and nobody polls fast.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError, UnreachableError
from sandbox.plugins.kubernetes.objects import Object, kind, name

if TYPE_CHECKING:
    from types import TracebackType

    from sandbox.plugins.framework import Cancellation
    from sandbox.plugins.kubernetes.cluster import Cluster

_RECONNECT_SECONDS: Final = 1.0


class Doorbell:
    """Rings when the object changes, as a context manager."""

    def __init__(self, cluster: Cluster, obj: Object, cancellation: Cancellation) -> None:
        self._cluster = cluster
        self._object = obj
        self._rung = threading.Event()
        self._closed = threading.Event()
        self._response: Any = None
        self._thread = threading.Thread(target=self._watch, name=f"watch {name(obj)}", daemon=True)
        self._forget = cancellation.on_request(self._rung.set)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget()
        self._closed.set()
        self._hang_up()

    def wait(self, seconds: float) -> None:
        """Until the bell rings, the time is over or the user wants to stop."""
        self._rung.wait(seconds)
        self._rung.clear()

    def _watch(self) -> None:
        while not self._closed.is_set():
            # A broken watch costs time, not truth: the next look says what is.
            with contextlib.suppress(OSError, ValueError, RuntimeError, ApiError, NoMatchError, UnreachableError):
                self._listen()
            self._closed.wait(_RECONNECT_SECONDS)

    def _listen(self) -> None:
        route = self._cluster.route(kind(self._object))
        # A quiet watch ends when the client's patience with a silent server does, and is begun anew.
        query = {"watch": "true", "fieldSelector": f"metadata.name={name(self._object)}"}
        path = route.path(self._cluster.namespace_of(self._object))
        with self._cluster.stream(path, query) as (response, lines):
            self._response = response
            for _ in lines:
                self._rung.set()
                if self._closed.is_set():
                    return

    def _hang_up(self) -> None:
        """End the read that the watching thread blocks in, unless it ended by itself."""
        if self._response is not None:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                self._response.shutdown()
