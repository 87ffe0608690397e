"""The bucket and its key, made through Linode's API."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import requests
from linode_api4 import ApiError, LinodeClient, ObjectStorageACL, ObjectStorageBucket, ObjectStorageKeys

from operations.errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Place:
    """A bucket by name and region ("us-ord"); `endpoint` is an S3 address to use instead of the region's own."""

    bucket: str
    region: str
    endpoint: str | None = None


OBJECT_STORAGE: Final = "read and write access to Object Storage"
"""What a token needs for a bucket and its key."""


def account(token: str, url: str | None, *, access: str = OBJECT_STORAGE) -> LinodeClient:
    """A client of Linode's API; `url` has no version, as Linode's Pulumi provider takes it.

    Raises:
        OperationError: there is no token; it says which `access` one needs.

    """
    if not token:
        raise OperationError(
            what="There is no access to a Linode account",
            why="LINODE_TOKEN is not set",
            remedy=f"Set it to a personal access token with {access}",
        )
    return LinodeClient(token, **({"base_url": f"{url.rstrip('/')}/v4"} if url else {}))


def require_object_storage(client: LinodeClient, region: str) -> None:
    """Raises OperationError where the region has none, and names those that have."""
    with explained("Cannot ask which regions have Object Storage"):
        regions = sorted({endpoint.region for endpoint in client.object_storage.endpoints()})
    if region not in regions:
        raise OperationError(
            what=f"No bucket can be made in region {region}",
            why="it has no Object Storage",
            remedy=f"Choose one of {', '.join(regions)}",
        )


def ensure_bucket(client: LinodeClient, place: Place) -> str:
    """Make the bucket, or find it; private, and closed to browsers. Returns its S3 address, with a scheme."""
    with explained(f"Cannot make the bucket {place.bucket} in {place.region}"):
        # Linode answers with the bucket as if it were new where the account has it already.
        bucket: ObjectStorageBucket = client.object_storage.bucket_create(
            place.region, place.bucket, acl=ObjectStorageACL.PRIVATE, cors_enabled=False
        )
    return place.endpoint or f"https://{bucket.s3_endpoint}"


def key_label(place: Place) -> str:
    """What the account calls keys to this bucket."""
    return f"fleet-state {place.bucket}"[:50]


def keys(client: LinodeClient, place: Place) -> list[Any]:
    """The account's keys that were made for this bucket, ours or a colleague's."""
    with explained("Cannot list the account's Object Storage keys"):
        listed = list(client.object_storage.keys())
    return [key for key in listed if key.label == key_label(place)]


@contextmanager
def new_key(client: LinodeClient, place: Place) -> Iterator[tuple[str, str]]:
    """A new key to this bucket alone, as access and secret key; revoked again if the block fails or is interrupted.

    The secret is told only once: a key that nobody wrote down would stay behind unseen.
    """
    grant = client.object_storage.bucket_access(place.region, place.bucket, "read_write")
    with explained(f"Cannot make a key to the bucket {place.bucket}"):
        key: ObjectStorageKeys = client.object_storage.keys_create(key_label(place), bucket_access=grant)
    try:
        yield key.access_key, key.secret_key
    except BaseException:
        with explained(f"Cannot revoke key {key.id}, which was not written down"):
            key.delete()
        raise


def find_bucket(client: LinodeClient, place: Place) -> str:
    """The S3 address of a bucket that is there, with a scheme. Raises OperationError where there is none."""
    with explained(f"Cannot find the bucket {place.bucket} in {place.region}"):
        found = client.get(f"/object-storage/buckets/{place.region}/{place.bucket}")
    return place.endpoint or f"https://{found['s3_endpoint']}"


@contextmanager
def reading_key(client: LinodeClient, place: Place) -> Iterator[tuple[str, str]]:
    """A key that reads this bucket alone, for as long as the block."""
    grant = client.object_storage.bucket_access(place.region, place.bucket, "read_only")
    with explained(f"Cannot make a key to the bucket {place.bucket}"):
        key: ObjectStorageKeys = client.object_storage.keys_create("fleet-backup reader", bucket_access=grant)
    try:
        yield key.access_key, key.secret_key
    finally:
        with explained(f"Cannot revoke key {key.id}; revoke it by hand"):
            key.delete()


@contextmanager
def full_key(client: LinodeClient, region: str) -> Iterator[tuple[str, str]]:
    """A key to every bucket of a region, for as long as the block."""
    with explained(f"Cannot make a key to region {region}"):
        key: ObjectStorageKeys = client.object_storage.keys_create("fleet-state bootstrap", regions=[region])
    try:
        yield key.access_key, key.secret_key
    finally:
        with explained(f"Cannot revoke key {key.id}; revoke it by hand"):
            key.delete()


@contextmanager
def explained(what: str, *, access: str = OBJECT_STORAGE) -> Iterator[None]:
    """Raise OperationError where Linode's API refuses, for want of `access` for one, or does not answer."""
    try:
        yield
    except ApiError as error:
        remedy = "Mend that and run again; what is made already is found again"
        if error.status in (401, 403):
            remedy = f"Use a token with {access}"
        raise OperationError(what=what, why=", ".join(error.errors) or f"HTTP {error.status}", remedy=remedy) from error
    except requests.RequestException as error:
        # Not its text, which may show headers.
        raise OperationError(
            what=what,
            why=f"Linode's API does not answer ({type(error).__name__})",
            remedy="Check the network and LINODE_URL, then run again",
        ) from error
