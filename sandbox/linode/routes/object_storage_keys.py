"""Keys of Object Storage, which programs use over the S3 protocol.

The account keeps no secret: only the answer that makes a key has it whole.
"""

from __future__ import annotations

import secrets
import string
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import ApiError, Problem, invalid_all
from sandbox.linode.limits import Bucket as RateBucket
from sandbox.linode.operations import Call, Operation
from sandbox.linode.routes.object_storage import endpoints_of, find_bucket
from sandbox.linode.rules import not_valid
from sandbox.linode.schemas.object_storage import (
    BucketAccess,
    BucketAccessRequest,
    Key,
    KeyCreate,
    KeyRegion,
    KeyUpdate,
)
from sandbox.linode.state.events import emit
from sandbox.linode.state.records import BucketGrant, StorageKeyRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.linode.catalogue import Catalogue
    from sandbox.linode.state import Transaction

_READ = Scope(service="object_storage", access=Access.READ_ONLY)
_WRITE = Scope(service="object_storage", access=Access.READ_WRITE)
_FIRST_ID = 3_000_000
_HIDDEN = "[REDACTED]"
_ACCESS_KEY_LENGTH, _SECRET_KEY_LENGTH = 20, 40


async def list_keys(call: Call) -> Mapping[str, Any]:
    """GET /object-storage/keys."""
    with call.account.store.transaction() as state:
        keys = [_show(key, call.account.catalogue) for key in state.all(StorageKeyRecord)]
    return call.listing(keys, filterable=frozenset())


async def create_key(call: Call) -> Mapping[str, Any]:
    """POST /object-storage/keys: the only answer that holds the whole secret."""
    request = call.body(KeyCreate)
    catalogue = call.account.catalogue
    with call.account.store.transaction() as state:
        grants = _grants(request.bucket_access, catalogue, state)
        regions = [*_regions(request.regions, catalogue), *(grant.region for grant in grants or ())]
        if grants is None and not regions:  # A key to everything is known in every region.
            regions = [endpoint.region for endpoint in catalogue.storage_endpoints]
        key = StorageKeyRecord(
            id=state.next_id(StorageKeyRecord, first=_FIRST_ID),
            label=request.label or "",
            access_key=_random(string.ascii_uppercase + string.digits, _ACCESS_KEY_LENGTH),
            bucket_access=grants,
            regions=tuple(dict.fromkeys(regions)),
        )
        state.put(key)
        emit(state, "obj_access_key_create", key, now=call.account.timestamp())
    return _show(key, catalogue, secret=_random(string.ascii_letters + string.digits, _SECRET_KEY_LENGTH)).body()


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _grants(
    requests: Iterable[BucketAccessRequest] | None, catalogue: Catalogue, state: Transaction
) -> tuple[BucketGrant, ...] | None:
    if requests is None:
        return None
    grants: list[BucketGrant] = []
    problems: list[Problem] = []
    for index, request in enumerate(requests):
        endpoints = endpoints_of(catalogue, request.region or request.cluster or "")
        prefix = f"bucket_access[{index}]."
        if not endpoints:
            problems.append(not_valid("region", prefix=prefix))
        elif find_bucket(state, endpoints[0].region, request.bucket_name) is None:
            problems.append(Problem(reason="The specified bucket was not found.", field=f"{prefix}bucket_name"))
        else:
            grants.append(
                BucketGrant(
                    bucket_name=request.bucket_name,
                    permissions=request.permissions,
                    region=endpoints[0].region,
                    cluster=endpoints[0].cluster,
                )
            )
    if problems:
        raise invalid_all(problems)
    return tuple(grants)


def _regions(names: Iterable[str] | None, catalogue: Catalogue) -> list[str]:
    known = {endpoint.region for endpoint in catalogue.storage_endpoints}
    asked = list(names or ())
    problems = [not_valid(f"regions[{index}]") for index, name in enumerate(asked) if name not in known]
    if problems:
        raise invalid_all(problems)
    return asked


async def view_key(call: Call) -> Mapping[str, Any]:
    """GET /object-storage/keys/{id}."""
    with call.account.store.transaction() as state:
        return _show(_key_at(call, state), call.account.catalogue).body()


async def update_key(call: Call) -> Mapping[str, Any]:
    """PUT /object-storage/keys/{id}: a limited key keeps the regions of its buckets."""
    request = call.body(KeyUpdate)
    with call.account.store.transaction() as state:
        key = _key_at(call, state)
        regions = key.regions if request.regions is None else tuple(_regions(request.regions, call.account.catalogue))
        if missing := {grant.region for grant in key.bucket_access or ()} - set(regions):
            reason = f"Regions of a limited key's buckets cannot be removed: {', '.join(sorted(missing))}"
            raise invalid_all([Problem(reason=reason, field="regions")])
        label = key.label if request.label is None else request.label
        changed = key.model_copy(update={"label": label, "regions": regions})
        state.put(changed)
        emit(state, "obj_access_key_update", changed, now=call.account.timestamp())
    return _show(changed, call.account.catalogue).body()


async def delete_key(call: Call) -> Mapping[str, Any]:
    """DELETE /object-storage/keys/{id}."""
    with call.account.store.transaction() as state:
        key = _key_at(call, state)
        state.delete(key)
        emit(state, "obj_access_key_delete", key, now=call.account.timestamp())
    return {}


def _key_at(call: Call, state: Transaction) -> StorageKeyRecord:
    key = state.get(StorageKeyRecord, call.number("key_id"))
    if key is None:
        # The live API's words (linodego's recorded TestObjectStorageKey_GetMissing).
        raise ApiError(HTTPStatus.NOT_FOUND, [Problem(reason="The specified access key was not found.")])
    return key


def _show(record: StorageKeyRecord, catalogue: Catalogue, *, secret: str = _HIDDEN) -> Key:
    grants = record.bucket_access
    known = [endpoint for endpoint in catalogue.storage_endpoints if endpoint.region in record.regions]
    return Key.of(
        record,
        secret_key=secret,
        limited=grants is not None,
        bucket_access=None if grants is None else tuple(BucketAccess.of(grant) for grant in grants),
        regions=tuple(KeyRegion.of(endpoint, id=endpoint.region) for endpoint in known),
    )


_KEYS = "/object-storage/keys"
_KEY = _KEYS + "/{key_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _KEYS, list_keys, _READ, RateBucket.LISTS),
    Operation("POST", _KEYS, create_key, _WRITE),
    Operation("GET", _KEY, view_key, _READ),
    Operation("PUT", _KEY, update_key, _WRITE),
    Operation("DELETE", _KEY, delete_key, _WRITE),
)
