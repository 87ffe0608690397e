"""Backups of Karmada's etcd, with a real etcd and its own tools, in moto's S3."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from operations.cli import app
from operations.errors import OperationError
from operations.karmada import etcd
from operations.karmada.archive import Archive
from operations.state import access as accesses
from operations.state import bucket
from sandbox.toolchain import tool_path
from tests.operations.backend import BUCKET, access
from tests.operations.members import Etcd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.operations.s3 import FaultyS3

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Etcd's tools are on the PATH, as a user has them."""
    folders = [str(tool_path(name).parent) for name in ("etcdctl", "etcdutl")]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, os.environ["PATH"]]))


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Etcd]:
    with Etcd(tmp_path / "etcd", tmp_path / "etcd" / "data") as running:
        yield running


@pytest.fixture
def archive(s3: FaultyS3) -> Archive:
    s3.client.create_bucket(Bucket=BUCKET)
    bucket.configure(access(s3), keep_days=30)
    return Archive(access(s3), "prod")


def _revision(member: Etcd) -> int:
    found: int = json.loads(member.ctl("endpoint", "status", "--write-out=json").stdout)[0]["Status"]["header"][
        "revision"
    ]
    return found


def test_what_was_saved_comes_back_on_a_new_disk_at_a_revision_nobody_has_seen(
    member: Etcd, archive: Archive, s3: FaultyS3, tmp_path: Path
) -> None:
    member.ctl("put", "/registry/deployments/default/hello", "three replicas")
    file = tmp_path / "snapshot.db"
    etcd.save(member.endpoint, file)
    saved = archive.add(file, etcd.status(file))
    member.ctl("put", "/registry/deployments/default/hello", "written after the snapshot")
    lost_at = _revision(member)

    key = tmp_path / "key.env"
    accesses.write(key, access(s3))
    arguments = ["--fleet", "prod", "--key", str(key), "--to", str(tmp_path / "restored")]
    result = CliRunner().invoke(app, ["karmada", "fetch", *arguments])
    assert result.exit_code == 0, result.output
    assert saved.name in result.stdout

    with Etcd(tmp_path / "new", tmp_path / "restored" / "etcd-0") as restored:
        value = restored.ctl("get", "--print-value-only", "/registry/deployments/default/hello").stdout
        assert value.strip() == "three replicas"
        assert _revision(restored) > lost_at, "a client that saw later revisions must not meet them with other content"
        stale = restored.ctl("watch", "--rev", str(lost_at), "/registry", check=False)
        assert "compacted" in stale.stdout + stale.stderr, "watches from before have to list again"


def test_a_snapshot_that_the_store_damaged_is_refused(
    member: Etcd, archive: Archive, s3: FaultyS3, tmp_path: Path
) -> None:
    file = tmp_path / "snapshot.db"
    etcd.save(member.endpoint, file)
    saved = archive.add(file, etcd.status(file))
    head = s3.client.head_object(Bucket=BUCKET, Key=saved.key)
    s3.client.put_object(Bucket=BUCKET, Key=saved.key, Body=b"rust", Metadata=head["Metadata"])
    with pytest.raises(OperationError, match="SHA-256"):
        archive.fetch(saved.name, tmp_path / "fetched.db")
    assert not (tmp_path / "fetched.db").exists()


def test_old_snapshots_go_and_the_newest_stay(member: Etcd, archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "snapshot.db"
    etcd.save(member.endpoint, file)
    status, start = etcd.status(file), datetime(2026, 11, 24, tzinfo=UTC)
    made = [archive.add(file, status, now=start + timedelta(days=day)) for day in range(4)]
    assert archive.prune(keep=2) == made[:2]
    assert archive.all() == made[2:]
    assert archive.fetch(None, tmp_path / "fetched.db") == made[-1]
    with pytest.raises(OperationError, match="There is no snapshot 2020"):
        archive.fetch("2020", tmp_path / "fetched.db")


def test_an_etcd_that_does_not_answer_is_told(member: Etcd, tmp_path: Path) -> None:
    endpoint = member.endpoint
    stranger = etcd.Endpoint(
        url=endpoint.url, authority=endpoint.authority, certificate=endpoint.authority, key=endpoint.key
    )
    with pytest.raises(OperationError, match="Cannot take a snapshot"):
        etcd.save(stranger, tmp_path / "snapshot.db")


def test_a_file_that_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    (tmp_path / "snapshot.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(OperationError, match="no whole snapshot"):
        etcd.status(tmp_path / "snapshot.db")
