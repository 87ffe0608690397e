"""Errors in the form in which the engine understands them."""

from __future__ import annotations

import functools
import logging
import traceback
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.plugins.framework.errors import CancelledError, InitializationError, UnsupportedError
from sandbox.plugins.framework.failure import ProviderError
from sandbox.plugins.framework.values import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

_LOG: Final = logging.getLogger(__name__)
_DETAILS: Final = "grpc-status-details-bin"  # where gRPC carries a google.rpc.Status

_Self = TypeVar("_Self")
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


def reporting_errors(
    handler: Callable[[_Self, _Request, grpc.ServicerContext], _Response],
) -> Callable[[_Self, _Request, grpc.ServicerContext], _Response]:
    """Make a gRPC handler answer with the status of what it raises.

    A ProviderError's message goes to the user as it is. Any other exception is a fault of ours: its text
    may hold a secret, so the user gets its type and place, and the log the frames that led to it.
    """

    @functools.wraps(handler)
    def reported(self: _Self, request: _Request, context: grpc.ServicerContext, /) -> _Response:
        try:
            return handler(self, request, context)
        except ProviderError as error:
            _abort(context, _code(error), str(error), _detail(error))
        except Exception as error:
            frames = "".join(traceback.format_tb(error.__traceback__))
            # Not _LOG.exception, which adds the text.
            _LOG.error("%s: %s in\n%s", handler.__name__, type(error).__name__, frames)
            where = traceback.extract_tb(error.__traceback__)[-1]
            message = (
                f"a fault of the offline stand-in: {type(error).__name__} in {handler.__name__} "
                f"({where.filename}:{where.lineno})"
            )
            _abort(context, grpc.StatusCode.INTERNAL, message, None)

    return reported


def _code(error: ProviderError) -> grpc.StatusCode:
    match error:
        case CancelledError():
            return grpc.StatusCode.CANCELLED
        case UnsupportedError():
            # Not UNIMPLEMENTED: to the engine that means an old plugin, and it goes on without.
            return grpc.StatusCode.INVALID_ARGUMENT
        case _:
            return grpc.StatusCode.UNKNOWN


def _detail(error: ProviderError) -> Message | None:
    if not isinstance(error, InitializationError):
        return None
    return provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id, properties=encode(error.outputs), reasons=[str(error)]
    )


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, message: str, detail: Message | None) -> NoReturn:
    if detail is not None:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=code.value[0], message=message, details=[packed])
        context.set_trailing_metadata(((_DETAILS, status.SerializeToString()),))
    context.abort(code, message)
