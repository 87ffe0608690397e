"""What an endpoint is: a method, a path, what a token needs to use it, and the coroutine that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from sandbox.linode.errors import invalid, not_found
from sandbox.linode.filtering import parse_filter
from sandbox.linode.limits import Bucket
from sandbox.linode.pagination import parse_page
from sandbox.linode.schemas.base import ApiObject, M, parse_request

if TYPE_CHECKING:
    from sandbox.linode.account import Account
    from sandbox.linode.auth import Scope
    from sandbox.linode.reconciler import Reconciler
    from sandbox.linode.state import Transaction
    from sandbox.linode.state.store import R


class Requirement(Enum):
    """What an endpoint asks of a caller, where it is no scope."""

    NOTHING = auto()
    A_TOKEN = auto()


class Version(StrEnum):
    """Under which version of the API an endpoint is asked."""

    V4 = "v4"
    V4BETA = "v4beta"
    """With what is not for everybody yet."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request that passed authentication, as a handler sees it."""

    account: Account
    reconciler: Reconciler
    version: Version
    path: Mapping[str, str]
    query: Mapping[str, str]
    filter: str | None
    raw_body: bytes

    def number(self, name: str) -> int:
        """An id in the path; whatever is no id of a resource is not found. Raises ApiError: 404."""
        text = self.path[name]
        # 18 digits always fit the 64-bit integers of the state.
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise not_found()
        return int(text)

    def record(self, state: Transaction, kind: type[R], name: str, **belonging: int) -> R:
        """The record whose id is in the path, and which belongs to what the path says of it. Raises ApiError: 404."""
        found = state.get(kind, self.number(name))
        if found is None or any(getattr(found, field) != owner for field, owner in belonging.items()):
            raise not_found()
        return found

    def body(self, model: type[M]) -> M:
        """The request's body; none at all counts as an empty object.

        Raises ApiError: 400, for malformed JSON or any field that is wrong.
        """
        try:
            document = from_json(self.raw_body or b"{}", allow_inf_nan=False)
        except ValueError as error:
            raise invalid("Invalid JSON") from error
        if not isinstance(document, dict):
            raise invalid("Request body must be a JSON object")
        return parse_request(model, document)

    def listing(self, entries: Iterable[ApiObject], *, filterable: frozenset[str]) -> dict[str, Any]:
        """One page of those entries that the request's filter keeps.

        Raises ApiError: 400, for a wrong page, page size or filter.
        """
        page = parse_page(self.query)
        chosen = parse_filter(self.filter, filterable=filterable)
        return page.cut(chosen.apply([entry.body() for entry in entries]))


Handler = Callable[[Call], Awaitable[Mapping[str, Any]]]


def listing(kind: type[R], show: Callable[[R, Transaction], ApiObject], filterable: frozenset[str]) -> Handler:
    """What lists all records of a kind."""

    async def handler(call: Call) -> Mapping[str, Any]:
        with call.account.store.transaction() as state:
            shown = [show(record, state) for record in state.all(kind)]
        return call.listing(shown, filterable=filterable)

    return handler


def viewing(kind: type[R], name: str, show: Callable[[R, Transaction], ApiObject]) -> Handler:
    """What shows the record whose id is in the path under a name."""

    async def handler(call: Call) -> Mapping[str, Any]:
        with call.account.store.transaction() as state:
            return show(call.record(state, kind, name), state).body()

    return handler


@dataclass(frozen=True)
class Operation:
    """An endpoint; `path` is below /v4 and /v4beta, with {names} for its parameters."""

    method: str
    path: str
    handler: Handler
    needs: Scope | Requirement
    bucket: Bucket = Bucket.OTHERS
