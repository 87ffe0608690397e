"""Buckets over the S3 protocol, with boto3: a key reaches what the account says, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.backends import get_backend

from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs
from sandbox.linode.s3_service import MemoryObjectStore
from tests.linode.conftest import LinodeUser, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

BUCKET = {"label": "fleet-backups", "region": "us-east"}


@pytest.fixture
def api() -> Iterator[LinodeApi]:
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, object_store=MemoryObjectStore())) as running:
        yield running
    get_backend("s3").reset()


@pytest.fixture
def account(api: LinodeApi) -> Iterator[LinodeUser]:
    with client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        user.post("/object-storage/buckets", BUCKET)
        user.post("/object-storage/buckets", BUCKET | {"label": "another"})
        yield user


def _s3(api: LinodeApi, access_key: str) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=api.url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def _key(account: LinodeUser, permissions: str) -> str:
    grant = {"bucket_name": BUCKET["label"], "permissions": permissions, "region": BUCKET["region"]}
    made: str = account.post("/object-storage/keys", {"label": "k", "bucket_access": [grant]})["access_key"]
    return made


def _code(error: pytest.ExceptionInfo[ClientError]) -> Any:
    return error.value.response.get("Error", {}).get("Code")


def test_what_a_key_puts_into_its_bucket_is_there_and_counted(api: LinodeApi, account: LinodeUser) -> None:
    with closing(_s3(api, _key(account, "read_write"))) as s3:
        s3.put_object(Bucket="fleet-backups", Key="karmada/one.age", Body=b"sealed", Metadata={"keys": "first"})
        assert s3.head_object(Bucket="fleet-backups", Key="karmada/one.age")["ContentLength"] == 6
        assert s3.get_object(Bucket="fleet-backups", Key="karmada/one.age")["Body"].read() == b"sealed"
    shown = account.get("/object-storage/buckets/us-east/fleet-backups")
    assert (shown["objects"], shown["size"]) == (1, 6)


def test_a_limited_key_reaches_no_other_bucket(api: LinodeApi, account: LinodeUser) -> None:
    with closing(_s3(api, _key(account, "read_write"))) as s3, pytest.raises(ClientError) as refused:
        s3.list_objects_v2(Bucket="another")
    assert _code(refused) == "AccessDenied"


def test_a_reading_key_writes_nothing(api: LinodeApi, account: LinodeUser) -> None:
    with closing(_s3(api, _key(account, "read_only"))) as s3:
        assert s3.list_objects_v2(Bucket="fleet-backups")["KeyCount"] == 0
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket="fleet-backups", Key="x", Body=b"x")
    assert _code(refused) == "AccessDenied"


@pytest.mark.usefixtures("account")
def test_an_unknown_key_reaches_nothing(api: LinodeApi) -> None:
    with closing(_s3(api, "NOBODY")) as s3, pytest.raises(ClientError) as refused:
        s3.list_objects_v2(Bucket="fleet-backups")
    assert _code(refused) == "InvalidAccessKeyId"


def test_a_sandbox_whose_buckets_nobody_uses_does_without_moto() -> None:
    look = (
        "import sys; from sandbox.linode.s3_service import MemoryObjectStore as M; s = M(); "
        "s.create('fleet-backups'); s.usage('fleet-backups'); print('moto' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", look], text=True).strip() == "False"
