"""Buckets and keys against the emulated API: what is recorded, and what is kept from a key's record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.plugins.framework import ProviderError, Secret, reveal
from sandbox.plugins.linode.storage import ObjectStorageBucket, ObjectStorageKey
from tests.plugins.calls import Calls

if TYPE_CHECKING:
    from sandbox.plugins.framework import Created
    from sandbox.plugins.linode.api import Api
    from sandbox.plugins.linode.connection import Connection

PLACE = {"label": "fleet-backups", "region": "us-east"}
GRANT = {"bucketName": "fleet-backups", "permissions": "read_write", "region": "us-east"}


@pytest.fixture
def buckets(connection: Connection) -> Calls:
    return Calls(ObjectStorageBucket(connection))


@pytest.fixture
def made(buckets: Calls, connection: Connection) -> Created:
    """A key to a bucket that is there."""
    buckets.create(**PLACE)
    return Calls(ObjectStorageKey(connection)).create(label="backups", bucketAccesses=[GRANT])


def test_a_bucket_is_known_by_region_and_name_and_tells_its_address(buckets: Calls) -> None:
    created = buckets.create(**PLACE, corsEnabled=False)
    assert created.id == "us-east:fleet-backups"
    assert created.outputs["s3Endpoint"] == "us-east-1.linodeobjects.com"
    found = buckets.read(created.id, {**PLACE, "corsEnabled": False}, dict(created.outputs))
    assert found is not None
    assert (found.inputs, found.outputs) == ({**PLACE, "corsEnabled": False}, dict(created.outputs))
    buckets.delete(created.id)
    assert buckets.read(created.id) is None


def test_a_keys_secret_is_recorded_as_one_and_outlives_a_refresh(made: Created, connection: Connection) -> None:
    secret = made.outputs["secretKey"]
    assert isinstance(secret, Secret)
    keys = Calls(ObjectStorageKey(connection))
    found = keys.read(made.id, {"label": "backups", "bucketAccesses": [GRANT]}, dict(made.outputs))
    assert found is not None
    assert (found.inputs, dict(found.outputs)) == (
        {"label": "backups", "bucketAccesses": [GRANT]},
        dict(made.outputs),
    ), "the API does not tell the secret again"


def test_a_key_reaches_its_bucket_alone_and_is_revoked(made: Created, api: Api, connection: Connection) -> None:
    assert reveal(made.outputs["limited"]) is True
    [grant] = api.get(f"/object-storage/keys/{made.id}")["bucket_access"]
    assert (grant["bucket_name"], grant["permissions"]) == ("fleet-backups", "read_write")
    Calls(ObjectStorageKey(connection)).delete(made.id)
    assert api.find(f"/object-storage/keys/{made.id}") is None


def test_what_takes_the_s3_protocol_is_refused_and_not_ignored(buckets: Calls) -> None:
    assert [failure.path for failure in buckets.check(**PLACE, versioning=True)] == ["versioning"]


def test_a_bucket_that_is_there_does_not_change_without_a_word(buckets: Calls) -> None:
    created = buckets.create(**PLACE)
    with pytest.raises(ProviderError, match="cannot change"):
        buckets.update(created.id, dict(PLACE), dict(created.outputs), **PLACE, acl="public-read")
