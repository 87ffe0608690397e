"""Errors as the Linode API reports them.

Every failure is one `ApiError`: an HTTP status and one or more problems, each a reason and, where one field of the
request is to blame, that field's name. The body is ``{"errors": [{"reason": ..., "field": ...}]}``
(https://techdocs.akamai.com/linode-api/reference/errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a request; `field` is dotted and indexed, as in ``node_pools[0].count``."""

    reason: str
    field: str | None = None

    def body(self) -> dict[str, str]:
        """The problem as an entry of the error body."""
        return {"reason": self.reason} if self.field is None else {"reason": self.reason, "field": self.field}


class ApiError(Exception):
    """A request that the API refuses."""

    def __init__(
        self, status: HTTPStatus, problems: Iterable[Problem], headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.problems = tuple(problems)
        self.headers = dict(headers or {})
        super().__init__("; ".join(f"{p.field}: {p.reason}" if p.field else p.reason for p in self.problems))

    def response(self) -> JSONResponse:
        """The error as an HTTP response."""
        return JSONResponse({"errors": [problem.body() for problem in self.problems]}, self.status.value, self.headers)


def invalid(reason: str, *, field: str | None = None) -> ApiError:
    """400: the request cannot be carried out as it is."""
    return ApiError(HTTPStatus.BAD_REQUEST, [Problem(reason=reason, field=field)])


def invalid_all(problems: Iterable[Problem]) -> ApiError:
    """400 with every problem found in one request."""
    return ApiError(HTTPStatus.BAD_REQUEST, problems)


def not_found() -> ApiError:
    """404: no such path, or nothing of that id in this account."""
    return ApiError(HTTPStatus.NOT_FOUND, [Problem(reason="Not found")])


def method_not_allowed(allowed: Iterable[str]) -> ApiError:
    """405: the path exists, but not with this method."""
    return ApiError(
        HTTPStatus.METHOD_NOT_ALLOWED,
        [Problem(reason="Method Not Allowed")],
        {"Allow": ", ".join(sorted(allowed))},
    )


def invalid_token() -> ApiError:
    """401: no token, or one that this account does not have."""
    return ApiError(HTTPStatus.UNAUTHORIZED, [Problem(reason="Invalid Token")])


def out_of_scope() -> ApiError:
    """401: a token of this account, without the OAuth scope that the operation needs."""
    reason = "Your OAuth token is not authorized to use this endpoint."
    return ApiError(HTTPStatus.UNAUTHORIZED, [Problem(reason=reason)])


def too_many_requests(headers: Mapping[str, str]) -> ApiError:
    """429: over the rate limit; `headers` carry Retry-After in seconds."""
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, [Problem(reason="Too many requests")], headers)


def not_yet_available(what: str) -> ApiError:
    """503: something of a cluster that is still being made."""
    reason = f"{what} not yet available. Please try again later."
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, [Problem(reason=reason)])


def unexpected(reason: str = "An unexpected error occurred.") -> ApiError:
    """500: a fault of the emulator itself or of its machine; the log says more."""
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, [Problem(reason=reason)])
