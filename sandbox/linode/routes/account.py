"""The account, its events, its one user's profile, and API tokens."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from sandbox.linode.auth import Access, Scope, digest
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation, Requirement, listing, viewing
from sandbox.linode.schemas.account import Account, Event, EventEntity, Profile, Token, TokenCreate, TokenUpdate
from sandbox.linode.state.events import emit
from sandbox.linode.state.records import EventRecord, TokenRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.state import Transaction
    from sandbox.linode.state.records import Entity

_ACCOUNT_READ = Scope(service="account", access=Access.READ_ONLY)
_ACCOUNT_WRITE = Scope(service="account", access=Access.READ_WRITE)
_EVENTS_READ = Scope(service="events", access=Access.READ_ONLY)
_EVENTS_WRITE = Scope(service="events", access=Access.READ_WRITE)
_EVENT_FILTERABLE = frozenset(
    {
        "action",
        "created",
        "details.complete_time",
        "details.description",
        "details.maintenance_policy_set",
        "details.not_before",
        "details.source",
        "details.start_time",
        "entity.id",
        "entity.type",
        "id",
    }
)
_TOKEN_FILTERABLE = frozenset({"created", "label"})


async def view_account(call: Call) -> Mapping[str, Any]:
    """GET /account."""
    with call.account.store.transaction() as state:
        since = min((token.created for token in state.all(TokenRecord)), default=call.account.timestamp())
    return Account(active_since=since, euuid=str(uuid5(NAMESPACE_URL, "fleet-sandbox")).upper()).body()


async def view_profile(_: Call) -> Mapping[str, Any]:
    """GET /profile: any token may read it, so clients use it to see whether a token works."""
    return Profile().body()


async def list_events(call: Call) -> Mapping[str, Any]:
    """GET /account/events, newest first."""
    with call.account.store.transaction() as state:
        events = [_show_event(event, state) for event in state.all(EventRecord)]
    return call.listing(reversed(events), filterable=_EVENT_FILTERABLE)


async def see_events(call: Call) -> Mapping[str, Any]:
    """POST /account/events/{id}/seen: that event and all before it."""
    with call.account.store.transaction() as state:
        latest = call.record(state, EventRecord, "event_id")
        for event in state.all(EventRecord):
            if event.id <= latest.id and not event.seen:
                state.put(event.model_copy(update={"seen": True}))
    return {}


def _show_event(record: EventRecord, _: Transaction) -> Event:
    entity, secondary = _show_entity(record.entity), _show_entity(record.secondary)
    return Event.of(record, entity=entity, secondary_entity=secondary, read=record.seen)


def _show_entity(entity: Entity | None) -> EventEntity | None:
    return None if entity is None else EventEntity(**entity.model_dump())


async def create_token(call: Call) -> Mapping[str, Any]:
    """POST /profile/tokens: the only answer that holds the whole secret."""
    request = call.body(TokenCreate)
    secret = secrets.token_hex(32)
    now = call.account.timestamp()
    with call.account.store.transaction() as state:
        token = TokenRecord(
            id=state.next_id(TokenRecord),
            label=request.label or "token",
            scopes=request.scopes,
            digest=digest(secret),
            prefix=secret[:16],
            created=now,
            expiry=request.expiry,
        )
        state.put(token)
        emit(state, "token_create", token, now=now)
    return Token.of(token, token=secret).body()


def _show_token(record: TokenRecord, _: Transaction) -> Token:
    return Token.of(record, token=record.prefix)


async def update_token(call: Call) -> Mapping[str, Any]:
    """PUT /profile/tokens/{id}."""
    request = call.body(TokenUpdate)
    with call.account.store.transaction() as state:
        token = call.record(state, TokenRecord, "token_id")
        changed = token.model_copy(update={"label": request.label or token.label})
        state.put(changed)
    return Token.of(changed, token=changed.prefix).body()


async def delete_token(call: Call) -> Mapping[str, Any]:
    """DELETE /profile/tokens/{id}: whoever has it is locked out at once."""
    with call.account.store.transaction() as state:
        token = call.record(state, TokenRecord, "token_id")
        state.delete(token)
        emit(state, "token_delete", token, now=call.account.timestamp())
    return {}


_EVENTS = "/account/events"
_EVENT = _EVENTS + "/{event_id}"
_TOKENS = "/profile/tokens"
_TOKEN = _TOKENS + "/{token_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/account", view_account, _ACCOUNT_READ),
    Operation("GET", _EVENTS, list_events, _EVENTS_READ, Bucket.LISTS),
    Operation("GET", _EVENT, viewing(EventRecord, "event_id", _show_event), _EVENTS_READ),
    Operation("POST", _EVENT + "/seen", see_events, _EVENTS_WRITE),
    Operation("GET", "/profile", view_profile, Requirement.A_TOKEN),
    Operation("GET", _TOKENS, listing(TokenRecord, _show_token, _TOKEN_FILTERABLE), _ACCOUNT_READ, Bucket.LISTS),
    Operation("POST", _TOKENS, create_token, _ACCOUNT_WRITE),
    Operation("GET", _TOKEN, viewing(TokenRecord, "token_id", _show_token), _ACCOUNT_READ),
    Operation("PUT", _TOKEN, update_token, _ACCOUNT_WRITE),
    Operation("DELETE", _TOKEN, delete_token, _ACCOUNT_WRITE),
)
