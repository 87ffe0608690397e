"""Words for the user, by way of the engine: beside the resource that they are about."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG: Final = logging.getLogger(__name__)
_SEVERITIES: Final[Mapping[int, engine_pb2.LogSeverity.ValueType]] = {
    logging.INFO: engine_pb2.INFO,
    logging.WARNING: engine_pb2.WARNING,
}


class EngineLog:
    """The engine's log. Without an engine (address None), as in tests, messages go to Python's log.

    Secrets never belong in a message: the engine cannot tell what is one.
    """

    def __init__(self, address: str | None) -> None:
        """`address` is the engine's, as `host:port`."""
        self._engine = None if address is None else engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def status(self, urn: str, message: str) -> None:
        """What is going on: shown while the resource is worked on, and gone afterwards."""
        self._send(logging.INFO, urn, message, ephemeral=True)

    def warning(self, urn: str, message: str) -> None:
        """A warning that stays in the output."""
        self._send(logging.WARNING, urn, message)

    def _send(self, level: int, urn: str, message: str, *, ephemeral: bool = False) -> None:
        if self._engine is None:
            _LOG.log(level, "%s: %s", urn, message)
            return
        request = engine_pb2.LogRequest(severity=_SEVERITIES[level], message=message, urn=urn, ephemeral=ephemeral)
        try:
            self._engine.Log(request, timeout=5)
        except grpc.RpcError as error:
            # The engine goes away first when the user interrupts it: nobody is left to tell.
            _LOG.debug("the engine took no message: %s", error)
