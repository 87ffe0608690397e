"""Stands between the engine and a policy pack that is started only once the engine has told the stack's settings.

The engine connects first and then sends the settings (ConfigureStack), while pulumi-policy expects them in the
environment that it starts with. Pulumi's own language hosts bridge this in the same way (sdk/policy_proxy.go of
github.com/pulumi/pulumi): they answer the first calls themselves, start the pack, and pass all others on.
"""

# ruff: noqa: ARG001, ARG002 - gRPC gives handlers their arguments

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import grpc
from pulumi.runtime.proto import analyzer_pb2

from sandbox.plugins.framework.serve import SERVER_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

_SERVICE: Final = "/pulumirpc.Analyzer/"
_THREADS: Final = 8  # the engine asks a pack about one resource at a time
_GRACE_SECONDS: Final = 1

Configuration = analyzer_pb2.AnalyzerStackConfigureRequest
"""The stack's settings: organization, project, stack, whether it is a dry run, and the config."""


class PackNotServingError(Exception):
    """The pack cannot be asked: it ended before it served, or the engine wants no more of it."""


class PolicyProxy:
    """A server for the engine. It passes calls on as the bytes that they are, without reading them."""

    def __init__(self) -> None:
        """Serve on a free port of the loopback interface."""
        self._configuration: Future[Configuration | None] = Future()
        self._pack: Future[grpc.Channel] = Future()
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=_THREADS), handlers=[_Handlers(self._behaviour)], options=SERVER_OPTIONS
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def configuration(self) -> Configuration | None:
        """Wait for the stack's settings; None where the engine asks for the pack without any (`pulumi policy publish`).

        Raises PackNotServingError when the proxy is stopped first.
        """
        return self._configuration.result()

    def attach(self, port: int) -> None:
        """Let the pack that serves on this loopback port answer from now on."""
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=SERVER_OPTIONS)
        configuration = self._configuration.result()
        if configuration is not None:
            _forward(channel, "ConfigureStack", configuration.SerializeToString())
        with suppress(InvalidStateError):
            self._pack.set_result(channel)

    def stop(self, reason: str) -> None:
        """Let every call that waits for the pack fail with this reason, and end the server. Safe to repeat."""
        for future in (self._configuration, self._pack):
            with suppress(InvalidStateError):
                future.set_exception(PackNotServingError(reason))
        self._server.stop(_GRACE_SECONDS)
        if self._pack.exception() is None:
            self._pack.result().close()

    def _behaviour(self, method: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        return {"Handshake": _handshake, "ConfigureStack": self._configure}.get(method) or self._pass_on(method)

    def _configure(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        with suppress(InvalidStateError):
            self._configuration.set_result(Configuration.FromString(request))
        return analyzer_pb2.AnalyzerStackConfigureResponse().SerializeToString()

    def _pass_on(self, method: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def passed_on(request: bytes, context: grpc.ServicerContext) -> bytes:
            with suppress(InvalidStateError):
                self._configuration.set_result(None)
            try:
                return _forward(self._pack.result(), method, request)
            except PackNotServingError as error:
                context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            except grpc.RpcError as error:
                context.abort(error.code(), error.details() or "")

        return passed_on


class _Handlers(grpc.GenericRpcHandler):
    """Every method of the analyzer service, with requests and answers left as bytes."""

    def __init__(self, behaviour: Callable[[str], Callable[[bytes, grpc.ServicerContext], bytes]]) -> None:
        self._behaviour = behaviour

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        if not details.method.startswith(_SERVICE):
            return None
        return grpc.unary_unary_rpc_method_handler(self._behaviour(details.method.removeprefix(_SERVICE)))


def _handshake(request: bytes, context: grpc.ServicerContext) -> bytes:
    return analyzer_pb2.AnalyzerHandshakeResponse().SerializeToString()


def _forward(channel: grpc.Channel, method: str, request: bytes) -> bytes:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{_SERVICE}{method}")
    return call(request)
