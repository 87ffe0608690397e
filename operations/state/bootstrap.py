"""From a Linode token to a place for state. Every step finds what an earlier run has done already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operations.errors import OperationError
from operations.state import access as accesses
from operations.state import bucket, linode
from operations.state.access import Access

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from linode_api4 import LinodeClient

    from operations.state.linode import Place


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to make, and where the key is written."""

    place: Place
    file: Path
    keep_days: int
    """How long a version of an object stays after it was replaced or deleted."""


def bootstrap(client: LinodeClient, request: Request, *, say: Callable[[str], None]) -> Access:
    """Make the bucket, its key and the file, and turn versioning on. `say` gets a line for each step.

    Raises:
        OperationError: a step could not be done; run again when that is mended.

    """
    place = request.place
    linode.require_object_storage(client, place.region)
    endpoint = linode.ensure_bucket(client, place)
    say(f"bucket {place.bucket} in {place.region}: there")
    access = _known_key(client, request, endpoint) or _new_key(client, request, endpoint)
    say(f"key {access.access_key}: in {request.file}, which only you can read")
    _tell_other_keys(client, place, access, say)
    try:
        bucket.configure(access, keep_days=request.keep_days)
    except bucket.DeniedError:
        _configure_with_full_key(client, request, access)
    if not bucket.is_versioned(access):
        raise OperationError(
            what=f"The bucket {place.bucket} keeps no versions",
            why="the store took the setting, and does not show it",
            remedy="Run again, and ask Linode's support if that goes on",
        )
    say(f"versioning: on; old versions stay {request.keep_days} days")
    return access


def _known_key(client: LinodeClient, request: Request, endpoint: str) -> Access | None:
    """The key in the file, unless it is revoked."""
    known = accesses.read(request.file)
    if known is None:
        return None
    if (known.bucket, known.endpoint) != (request.place.bucket, endpoint):
        raise OperationError(
            what=f"{request.file} is in use",
            why=f"it leads to the bucket {known.bucket} at {known.endpoint}",
            remedy="Name another file with --file",
        )
    valid = {key.access_key for key in linode.keys(client, request.place)}
    return known if known.access_key in valid else None


def _new_key(client: LinodeClient, request: Request, endpoint: str) -> Access:
    with linode.new_key(client, request.place) as (access_key, secret_key):
        made = Access(bucket=request.place.bucket, endpoint=endpoint, access_key=access_key, secret_key=secret_key)
        accesses.write(request.file, made)
        return made


def _tell_other_keys(client: LinodeClient, place: Place, ours: Access, say: Callable[[str], None]) -> None:
    for key in linode.keys(client, place):
        if key.access_key != ours.access_key:
            say(
                f"key {key.access_key} reaches this bucket too: if no colleague or pipeline uses it, "
                f"revoke it with `linode-cli object-storage keys-delete {key.id}`"
            )


def _configure_with_full_key(client: LinodeClient, request: Request, access: Access) -> None:
    """Where the store leaves settings to the bucket's owner, a key to the whole region does it, for a moment."""
    with linode.full_key(client, request.place.region) as (access_key, secret_key):
        owner = Access(bucket=access.bucket, endpoint=access.endpoint, access_key=access_key, secret_key=secret_key)
        try:
            bucket.configure(owner, keep_days=request.keep_days)
        except bucket.DeniedError as error:
            raise OperationError(
                what=f"Cannot turn versioning on in the bucket {access.bucket}",
                why="the store refuses it to a key of the account",
                remedy="Turn it on as the bucket's owner, then run again",
            ) from error
