"""`state bootstrap`: from a token to a versioned bucket and a key, against the emulated account and moto's S3."""

from __future__ import annotations

import dataclasses
import errno
import stat
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from linode_api4 import LinodeClient
from typer.testing import CliRunner

from operations.cli import app
from operations.errors import OperationError
from operations.state import access as accesses
from operations.state import bucket
from operations.state.bootstrap import Request, bootstrap
from operations.state.linode import Place
from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs
from tests.operations.object_store import S3ObjectStore
from tests.operations.s3 import Fault, FaultyS3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READER = "r" * 64
WRITER = "w" * 64


@pytest.fixture
def api(s3: FaultyS3) -> Iterator[LinodeApi]:
    """An account whose buckets are moto's."""
    tokens = (AccessToken(secret=WRITER), AccessToken(secret=READER, scopes="object_storage:read_only"))
    store = S3ObjectStore(s3.url, access_key="owner", secret_key="owner")
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, tokens=tokens, object_store=store)) as running:
        yield running


@pytest.fixture
def client(api: LinodeApi) -> Iterator[LinodeClient]:
    linode = LinodeClient(WRITER, base_url=f"{api.url}/v4")
    yield linode
    linode.session.close()


@pytest.fixture
def request_(s3: FaultyS3, tmp_path: Path) -> Request:
    place = Place(bucket="fleet-state", region="us-east", endpoint=s3.url)
    return Request(place=place, file=tmp_path / "config" / "state.env", keep_days=30)


def _asks_for_versioning(method: str, target: str) -> bool:
    return method == "GET" and target == "/fleet-state?versioning"


def _silent(_line: str) -> None:
    pass


def _keys(client: LinodeClient) -> list[Any]:
    return list(client.object_storage.keys())


def test_a_versioned_bucket_and_a_key_to_it_alone_are_made(
    client: LinodeClient, request_: Request, s3: FaultyS3
) -> None:
    made = bootstrap(client, request_, say=_silent)
    assert s3.client.get_bucket_versioning(Bucket="fleet-state")["Status"] == "Enabled"
    (rule,) = s3.client.get_bucket_lifecycle_configuration(Bucket="fleet-state")["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    (key,) = _keys(client)
    assert key.limited, "a key that is lost must not open every bucket of the account"
    assert [(grant.bucket_name, grant.permissions) for grant in key.bucket_access] == [("fleet-state", "read_write")]
    assert accesses.read(request_.file) == made


def test_the_key_is_in_a_file_of_the_users_own_and_in_no_output(
    api: LinodeApi, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINODE_TOKEN", WRITER)
    monkeypatch.setenv("LINODE_URL", api.url)
    place = ["--bucket", "fleet-state", "--region", "us-east", "--endpoint", str(request_.place.endpoint)]
    result = CliRunner().invoke(app, ["state", "bootstrap", *place, "--file", str(request_.file)])
    assert result.exit_code == 0, result.output
    made = accesses.read(request_.file)
    assert made is not None
    assert stat.S_IMODE(request_.file.stat().st_mode) == 0o600
    assert made.secret_key not in result.output
    assert made.secret_key not in repr(made)
    assert f"PULUMI_BACKEND_URL='{made.backend_url}'" in result.stdout


def test_running_it_again_changes_nothing(client: LinodeClient, request_: Request) -> None:
    first = bootstrap(client, request_, say=_silent)
    assert bootstrap(client, request_, say=_silent) == first
    assert len(_keys(client)) == 1


def test_a_key_that_was_revoked_is_replaced(client: LinodeClient, request_: Request) -> None:
    first = bootstrap(client, request_, say=_silent)
    _keys(client)[0].delete()
    second = bootstrap(client, request_, say=_silent)
    assert second.access_key != first.access_key
    assert [key.access_key for key in _keys(client)] == [second.access_key]


def test_a_key_that_cannot_be_written_down_is_revoked(
    client: LinodeClient, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    with pytest.raises(OperationError, match=r"Cannot write.*No space left"):
        bootstrap(client, request_, say=_silent)
    assert _keys(client) == []


def test_keys_of_others_are_told_and_left_alone(client: LinodeClient, request_: Request, tmp_path: Path) -> None:
    first = bootstrap(client, request_, say=_silent)
    said: list[str] = []
    second = bootstrap(client, dataclasses.replace(request_, file=tmp_path / "other.env"), say=said.append)
    assert len(_keys(client)) == 2
    assert any(first.access_key in line and "keys-delete" in line for line in said)
    assert not any(f"key {second.access_key} reaches" in line for line in said)


def test_an_interrupted_run_goes_on_where_it_was(client: LinodeClient, request_: Request, s3: FaultyS3) -> None:
    s3.fail(Fault(status=404, when=_asks_for_versioning))
    with pytest.raises(OperationError):
        bootstrap(client, request_, say=_silent)
    s3.heal()
    bootstrap(client, request_, say=_silent)
    assert s3.client.get_bucket_versioning(Bucket="fleet-state")["Status"] == "Enabled"


def test_where_a_limited_key_may_not_configure_a_full_one_does_and_is_gone(
    client: LinodeClient, request_: Request, s3: FaultyS3
) -> None:
    s3.fail(Fault(status=403, times=1, when=_asks_for_versioning))
    made = bootstrap(client, request_, say=_silent)
    assert s3.client.get_bucket_versioning(Bucket="fleet-state")["Status"] == "Enabled"
    assert [key.access_key for key in _keys(client)] == [made.access_key], "the full key must not stay"


def test_a_store_that_refuses_every_key_is_told(client: LinodeClient, request_: Request, s3: FaultyS3) -> None:
    s3.fail(Fault(status=403, when=_asks_for_versioning))
    with pytest.raises(OperationError, match="the store refuses it to a key of the account"):
        bootstrap(client, request_, say=_silent)
    assert all(key.limited for key in _keys(client))


def test_a_region_without_object_storage_is_told_with_those_that_have_it(
    client: LinodeClient, request_: Request
) -> None:
    place = dataclasses.replace(request_.place, region="eu-west")
    with pytest.raises(OperationError, match=r"eu-west.*no Object Storage.*us-ord"):
        bootstrap(client, dataclasses.replace(request_, place=place), say=_silent)
    assert list(client.object_storage.buckets()) == []


def test_a_token_that_may_only_read_is_told(api: LinodeApi, request_: Request) -> None:
    reader = LinodeClient(READER, base_url=f"{api.url}/v4")
    with pytest.raises(OperationError, match="token with read and write access to Object Storage"):
        bootstrap(reader, request_, say=_silent)
    reader.session.close()


def test_a_file_that_others_may_read_is_refused(client: LinodeClient, request_: Request) -> None:
    bootstrap(client, request_, say=_silent)
    request_.file.chmod(0o644)
    with pytest.raises(OperationError, match="chmod 600"):
        bootstrap(client, request_, say=_silent)


def test_a_file_of_another_bucket_is_not_overwritten(client: LinodeClient, request_: Request) -> None:
    bootstrap(client, request_, say=_silent)
    other = dataclasses.replace(request_, place=dataclasses.replace(request_.place, bucket="other-state"))
    with pytest.raises(OperationError, match="leads to the bucket fleet-state"):
        bootstrap(client, other, say=_silent)


def test_a_new_key_is_waited_for(client: LinodeClient, request_: Request, s3: FaultyS3) -> None:
    made = bootstrap(client, request_, say=_silent)
    unknown = s3.fail(Fault(status=401, times=1, when=_asks_for_versioning))
    bucket.configure(made, keep_days=30)
    assert unknown.met == 1


def test_linodes_hosts_are_signed_for_by_their_own_name() -> None:
    url = accesses.backend_url("fleet-state", "https://us-ord-1.linodeobjects.com")
    assert url == ("s3://fleet-state?endpoint=https://us-ord-1.linodeobjects.com&region=us-ord-1&s3ForcePathStyle=true")
