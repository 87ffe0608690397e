"""What the config says of Karmada's etcd: its storage, how secrets rest in it, and its backups."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from fleet.config.fields import DnsLabel, Model, Quantity
from fleet.config.recipients import Recipient  # noqa: TC001 - pydantic reads the annotations at run time

DEFAULT_KEY: Final = "first"
"""The key of encryption at rest where the config names none."""
_BUCKET: Final = re.compile(r"[a-z0-9](-?[a-z0-9])*")
_ENDPOINT: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?")
_CRON_FIELD: Final = re.compile(r"[0-9A-Za-z*/,-]+")


def _bucket(value: str) -> str:
    # As Linode has it (POST /object-storage/buckets), but for dots, which no certificate of a bucket's own host covers.
    if not 3 <= len(value) <= 63 or not _BUCKET.fullmatch(value):
        raise ValueError("must have 3 to 63 lower-case letters, digits and single inner dashes")
    return value


def _endpoint(value: str) -> str:
    if not _ENDPOINT.fullmatch(value):
        raise ValueError("must be an address with its scheme and no path, such as https://s3.example")
    return value


def _schedule(value: str) -> str:
    fields = value.split()
    if len(fields) != 5 or not all(map(_CRON_FIELD.fullmatch, fields)):
        raise ValueError("must have the five fields of cron, in UTC, such as '17 3 * * *'")
    return value


class Etcd(Model):
    """Storage of Karmada's etcd; Linode's volumes start at 10Gi, and this storage class deletes them with the claim.

    There is one member: the chart cannot start more (docs/decisions/0114).
    """

    storage_class: str = "linode-block-storage"
    size: Quantity = "10Gi"


class Encryption(Model):
    """The keys by which Karmada's API server encrypts secrets and works at rest, by name; one of them writes.

    docs/decisions/0168 has the steps of a rotation.
    """

    keys: Annotated[tuple[DnsLabel, ...], Field(min_length=1)] = (DEFAULT_KEY,)
    writing: DnsLabel | None = None

    @property
    def writing_key(self) -> str:
        """The name of the key that encrypts whatever is written: the first, unless one is named."""
        return self.writing or self.keys[0]


class Backup(Model):
    """Backups of Karmada's etcd: where they go, when they are made, how many stay, and for whom they are encrypted."""

    bucket: Annotated[str, AfterValidator(_bucket)]
    region: DnsLabel
    recipient: Recipient
    schedule: Annotated[str, AfterValidator(_schedule)] = "17 3 * * *"
    keep: Annotated[int, Field(ge=1, le=500)] = 30
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    """An S3 address to use in place of the region's own."""
