"""From a request to an answer: who asks, whether they may, how often, and what every answer carries.

Order as in the live API: an unknown path or method first, then the token, the scope and the rate limit, then the
operation itself. Missing and unknown tokens get the same 401; a token with too small a scope gets a 401 too, whose
X-OAuth-Scopes names the scopes that it has.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.linode.auth import Scope, Scopes, bearer_secret, digest
from sandbox.linode.errors import (
    ApiError,
    Problem,
    invalid_token,
    method_not_allowed,
    not_found,
    out_of_scope,
    too_many_requests,
    unexpected,
)
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation, Requirement, Version
from sandbox.linode.state import StateError
from sandbox.linode.state.records import TokenRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import Receive, Send
    from starlette.types import Scope as AsgiScope

    from sandbox.linode.account import Account
    from sandbox.linode.services import Services

SPEC_VERSION = "4.229.1"
"""The version of Linode's specification that the emulator follows: the one in linode-cli 5.69.0."""

_MAX_BODY = 1 << 20
_LOG = logging.getLogger(__name__)
_ON_EVERY_ANSWER = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": "Authorization, Origin, X-Requested-With, Content-Type, Accept, X-Filter",
    "Access-Control-Allow-Methods": "HEAD, GET, OPTIONS, POST, PUT, DELETE",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Status",
    "Cache-Control": "max-age=0, no-cache, no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Vary": "Authorization, X-Filter",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Spec-Version": SPEC_VERSION,
}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks; `scopes` is None for someone with no token, or with one that is unknown."""

    name: str
    scopes: Scopes | None


class Endpoint:
    """The operations of one path, as an ASGI application."""

    def __init__(self, services: Services, operations: Iterable[Operation], version: Version = Version.V4) -> None:
        self._services = services
        self._version = version
        self._operations: Mapping[str, Operation] = {operation.method: operation for operation in operations}

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        headers = {**_ON_EVERY_ANSWER, "X-Request-ID": uuid4().hex}
        await asyncio.sleep(self._services.answer_seconds)
        try:
            content = await self._carry_out(request, headers)
            return JSONResponse(content, headers=headers)
        except ApiError as error:
            response = error.response()
        except StateError as error:
            _LOG.error("%s %s: %s", request.method, request.url.path, error)
            response = unexpected(str(error)).response()
        except Exception:
            _LOG.exception("%s %s failed", request.method, request.url.path)
            response = unexpected().response()
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    async def _carry_out(self, request: Request, headers: dict[str, str]) -> Mapping[str, Any]:
        if request.method == "OPTIONS":
            return {}
        operation = self._operations.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            raise method_not_allowed(self._operations)
        caller = _identify(request, self._services.account)
        headers.update(_scope_headers(operation, caller))
        headers.update(self._count(caller, operation))
        _authorize(operation, caller, header=request.headers.get("authorization"))
        call = Call(
            account=self._services.account,
            reconciler=self._services.reconciler,
            version=self._version,
            path=request.path_params,
            query=request.query_params,
            filter=request.headers.get("x-filter"),
            raw_body=await _read_body(request),
        )
        return await operation.handler(call)

    def _count(self, caller: Caller, operation: Operation) -> Mapping[str, str]:
        verdict = self._services.limiter.count(caller.name, operation.bucket)
        if not verdict.allowed:
            raise too_many_requests(verdict.headers)
        return verdict.headers


class UnknownPath(Endpoint):
    """Every path that the API does not have."""

    def __init__(self, services: Services) -> None:
        super().__init__(services, ())

    async def _carry_out(self, request: Request, headers: dict[str, str]) -> Mapping[str, Any]:
        caller = _identify(request, self._services.account)
        headers.update(self._services.limiter.count(caller.name, Bucket.OTHERS).headers)
        raise not_found()


def _identify(request: Request, account: Account) -> Caller:
    address = request.client.host if request.client else "local"
    secret = bearer_secret(request.headers.get("authorization"))
    if secret is None:
        return Caller(name=address, scopes=None)
    wanted, now = digest(secret), account.timestamp()
    with account.store.transaction() as state:
        for token in state.all(TokenRecord):
            if token.digest == wanted and (token.expiry is None or token.expiry > now):
                return Caller(name=wanted, scopes=Scopes.parse(token.scopes))
    return Caller(name=address, scopes=None)


def _authorize(operation: Operation, caller: Caller, *, header: str | None) -> None:
    if operation.needs is Requirement.NOTHING and header is None:
        return
    if caller.scopes is None:
        raise invalid_token()
    if isinstance(operation.needs, Scope) and not caller.scopes.allow(operation.needs):
        raise out_of_scope()


def _scope_headers(operation: Operation, caller: Caller) -> dict[str, str]:
    accepted = str(operation.needs) if isinstance(operation.needs, Scope) else "*"
    held = "unknown" if caller.scopes is None else str(caller.scopes)
    return {"X-Accepted-OAuth-Scopes": accepted, "X-OAuth-Scopes": held}


async def _read_body(request: Request) -> bytes:
    """The body, unless it is larger than any request of this API needs."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [Problem(reason="Request body is too large")])
    return body
