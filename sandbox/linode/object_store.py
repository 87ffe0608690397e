"""Where the account's buckets really are: behind an S3 server, or nowhere.

The API keeps the records of buckets and keys. Linode serves the same buckets over the S3 protocol. A running sandbox
does that itself (s3_service.py); tests name an S3 server, which stands for the endpoints of all regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ObjectStoreError(Exception):
    """The S3 server refused, or did not answer."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What lies in a bucket; size in bytes."""

    objects: int = 0
    size: int = 0


class ObjectStore(Protocol):
    """What the API asks of a store. Every method may raise ObjectStoreError."""

    def create(self, bucket: str) -> None:
        """Make a bucket; one that is there stays as it is."""

    def delete(self, bucket: str) -> None:
        """Remove an empty bucket; one that is gone is no error."""

    def usage(self, bucket: str) -> Usage:
        """What lies in it."""


class NoObjectStore:
    """Buckets that exist in the API's records alone."""

    def create(self, bucket: str) -> None:
        """Nothing to make."""

    def delete(self, bucket: str) -> None:
        """Nothing to remove."""

    def usage(self, bucket: str) -> Usage:
        """Always empty."""
        del bucket
        return Usage()
