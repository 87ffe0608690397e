"""Backups of Karmada's etcd: what the manager's script sends, with a real etcd, age, curl and moto's S3, and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from fleet.karmada.backup import SCRIPT, curl_config
from operations.cli import app
from operations.errors import OperationError
from operations.karmada import etcd
from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs
from sandbox.toolchain import tool_path
from tests.operations.members import Etcd
from tests.operations.object_store import S3ObjectStore
from tests.operations.s3 import Fault, FaultyS3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

pytestmark = pytest.mark.engine
BUCKET, REGION, PREFIX = "fleet-backups", "us-east", "karmada/prod/"
KEY = "/registry/deployments/default/hello"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tools are on the PATH, as a user and as the images have them."""
    folders = [str(tool_path(name).parent) for name in ("etcdctl", "etcdutl", "age")]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, os.environ["PATH"]]))


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Etcd]:
    with Etcd(tmp_path / "etcd", tmp_path / "etcd" / "data") as running:
        running.ctl("put", KEY, "three replicas")
        yield running


@pytest.fixture(autouse=True)
def account(s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[LinodeApi]:
    """An account with the bucket, which is moto's."""
    store = S3ObjectStore(s3.url, access_key="owner", secret_key="owner")
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, object_store=store)) as api:
        monkeypatch.setenv("LINODE_TOKEN", api.token)
        monkeypatch.setenv("LINODE_URL", api.url)
        look = f"{api.url}/v4/object-storage/buckets"
        body = json.dumps({"label": BUCKET, "region": REGION})
        header = ["--header", f"Authorization: Bearer {api.token}", "--header", "Content-Type: application/json"]
        subprocess.run(["curl", "--silent", "--fail", *header, "--data", body, look], check=True, capture_output=True)
        yield api


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return _identity(tmp_path / "identity")


def _identity(file: Path) -> Path:
    subprocess.run([tool_path("age-keygen"), "--output", file], check=True, capture_output=True)
    return file


def _recipient(identity: Path) -> str:
    printed = subprocess.run([tool_path("age-keygen"), "-y", identity], check=True, capture_output=True, text=True)
    return printed.stdout.strip()


def _send(s3: FaultyS3, folder: Path, identity: Path, snapshot: bytes, *, keep: int = 30) -> tuple[int, str]:
    """Run the script as the pod does; its exit code and what it has said."""
    work, config, said = folder / "work", folder / "curl", folder / "said"
    work.mkdir(exist_ok=True)
    said.unlink(missing_ok=True)
    (work / "sealed").unlink(missing_ok=True)
    (work / "snapshot.db").write_bytes(snapshot)
    config.write_text(curl_config(endpoint=s3.url, access_key="backup", secret_key="backup"))
    environment = {
        "PATH": os.environ["PATH"],
        "CONFIG": str(config),
        "URL": f"{s3.url}/{BUCKET}",
        "PREFIX": PREFIX,
        "RECIPIENT": _recipient(identity),
        "KEEP": str(keep),
        "KEYS": "next-01234567,first-89abcdef",
        "SAID": str(said),
    }
    line = ["bash", "-euo", "pipefail", "-c", SCRIPT]
    done = subprocess.run(line, cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, said.read_text() if said.exists() else done.stdout + done.stderr


def _snapshot(member: Etcd, folder: Path) -> bytes:
    member.ctl("snapshot", "save", str(folder / "snapshot.db"))
    return (folder / "snapshot.db").read_bytes()


def _fetch(s3: FaultyS3, identity: object, to: Path) -> Result:
    where = ["--fleet=prod", f"--bucket={BUCKET}", f"--region={REGION}", f"--endpoint={s3.url}"]
    return CliRunner().invoke(app, ["karmada", "fetch", *where, f"--identity={identity}", f"--to={to}"])


def _stored(s3: FaultyS3, prefix: str = PREFIX) -> list[str]:
    listed = s3.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", [])]


def _refused(result: Result) -> str:
    assert isinstance(result.exception, OperationError), result.output
    return str(result.exception)


def _revision(member: Etcd) -> int:
    status = json.loads(member.ctl("endpoint", "status", "--write-out=json").stdout)[0]["Status"]
    found: int = status["header"]["revision"]
    return found


def test_what_was_saved_comes_back_on_a_new_disk_at_a_revision_nobody_has_seen(
    member: Etcd, s3: FaultyS3, tmp_path: Path, identity: Path
) -> None:
    code, said = _send(s3, tmp_path, identity, _snapshot(member, tmp_path))
    assert code == 0, said
    [key] = _stored(s3)
    stored = s3.client.get_object(Bucket=BUCKET, Key=key)
    sealed = stored["Body"].read()
    assert said.split() == [key.removeprefix(PREFIX).removesuffix(".age"), str(len(sealed))]
    assert b"three replicas" not in sealed
    assert stored["Metadata"]["keys"] == "next-01234567,first-89abcdef"
    assert not (tmp_path / "work" / "snapshot.db").exists()
    member.ctl("put", KEY, "written after the snapshot")
    lost_at = _revision(member)

    result = _fetch(s3, identity, tmp_path / "restored")
    assert result.exit_code == 0, result.output
    with Etcd(tmp_path / "new", tmp_path / "restored" / "etcd-0") as restored:
        value = restored.ctl("get", "--print-value-only", KEY).stdout
        assert value.strip() == "three replicas"
        assert _revision(restored) > lost_at, "a client that saw later revisions must not meet them with other content"
        stale = restored.ctl("watch", "--rev", str(lost_at), "/registry", check=False)
        assert "compacted" in stale.stdout + stale.stderr, "watches from before have to list again"


def test_the_identity_may_come_from_standard_input(member: Etcd, s3: FaultyS3, tmp_path: Path, identity: Path) -> None:
    _send(s3, tmp_path, identity, _snapshot(member, tmp_path))
    where = ["--fleet=prod", f"--bucket={BUCKET}", f"--region={REGION}", f"--endpoint={s3.url}"]
    line = [sys.executable, "-m", "operations", "karmada", "fetch", *where, "--identity=-", f"--to={tmp_path / 'to'}"]
    done = subprocess.run(line, input=identity.read_text(), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "to" / "etcd-0" / "member").is_dir()


def test_another_identity_opens_nothing(member: Etcd, s3: FaultyS3, tmp_path: Path, identity: Path) -> None:
    _send(s3, tmp_path, identity, _snapshot(member, tmp_path))
    said = _refused(_fetch(s3, _identity(tmp_path / "other"), tmp_path / "restored"))
    assert "encrypted to another recipient than this identity's. Use the identity whose public key was" in said
    assert list((tmp_path / "restored").iterdir()) == []


def test_without_an_identity_nothing_is_opened(member: Etcd, s3: FaultyS3, tmp_path: Path, identity: Path) -> None:
    _send(s3, tmp_path, identity, _snapshot(member, tmp_path))
    said = _refused(_fetch(s3, tmp_path / "none", tmp_path / "one"))
    assert "no such file" in said
    assert "Give the file that age-keygen wrote" in said
    (tmp_path / "empty").touch()
    assert "no secret keys found" in _refused(_fetch(s3, tmp_path / "empty", tmp_path / "two"))


@pytest.mark.parametrize("left", [0.999, 0.5, 0.0001])
def test_a_backup_that_was_cut_short_is_refused_and_leaves_nothing(
    member: Etcd, s3: FaultyS3, tmp_path: Path, identity: Path, left: float
) -> None:
    for number in range(3):  # Several of age's chunks of 64 KiB, so that some are whole.
        member.ctl("put", f"{KEY}-{number}", "x" * 100_000)
    _send(s3, tmp_path, identity, _snapshot(member, tmp_path))
    [key] = _stored(s3)
    whole = s3.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    s3.client.put_object(Bucket=BUCKET, Key=key, Body=whole[: int(len(whole) * left)])
    said = _refused(_fetch(s3, identity, tmp_path / "restored"))
    assert "it is cut short or damaged" in said
    assert "Name an earlier backup" in said
    assert list((tmp_path / "restored").iterdir()) == []


def test_the_newest_stay_and_what_is_another_fleets_too(s3: FaultyS3, tmp_path: Path, identity: Path) -> None:
    for name in ("20200101T000000Z", "20200102T000000Z", "20200103T000000Z"):
        s3.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}{name}.age", Body=b"sealed")
    s3.client.put_object(Bucket=BUCKET, Key="karmada/production/20200101T000000Z.age", Body=b"another fleet's")
    s3.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}20200101T000000Z.db", Body=b"of an earlier Fleet")
    code, said = _send(s3, tmp_path, identity, b"a snapshot", keep=2)
    assert code == 0, said
    made = said.split()[0]
    assert _stored(s3) == [f"{PREFIX}20200101T000000Z.db", f"{PREFIX}20200103T000000Z.age", f"{PREFIX}{made}.age"]
    assert _stored(s3, "karmada/production/") == ["karmada/production/20200101T000000Z.age"]


def test_a_store_that_refuses_fails_the_job_and_nothing_old_goes(s3: FaultyS3, tmp_path: Path, identity: Path) -> None:
    s3.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}20200101T000000Z.age", Body=b"sealed")
    s3.fail(Fault(status=403, when=lambda method, _: method == "PUT"))
    code, said = _send(s3, tmp_path, identity, b"a snapshot", keep=1)
    assert code != 0
    assert "AccessDenied" in said
    assert _stored(s3) == [f"{PREFIX}20200101T000000Z.age"]


def test_the_key_that_reads_backups_goes_with_the_command(s3: FaultyS3, account: LinodeApi) -> None:
    where = ["--fleet=prod", f"--bucket={BUCKET}", f"--region={REGION}", f"--endpoint={s3.url}"]
    s3.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}20200101T000000Z.age", Body=b"sealed")
    result = CliRunner().invoke(app, ["karmada", "backups", *where])
    assert result.stdout.split() == ["20200101T000000Z", "6"]
    look = ["curl", "--silent", "--header", f"Authorization: Bearer {account.token}"]
    keys = subprocess.run([*look, f"{account.url}/v4/object-storage/keys"], check=True, capture_output=True, text=True)
    assert json.loads(keys.stdout)["data"] == []


def test_a_bucket_that_is_not_there_is_told(s3: FaultyS3) -> None:
    where = ["--fleet=prod", "--bucket=nowhere", f"--region={REGION}", f"--endpoint={s3.url}"]
    result = CliRunner().invoke(app, ["karmada", "backups", *where])
    assert "Cannot find the bucket nowhere in us-east" in _refused(result)


def test_a_file_that_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    (tmp_path / "snapshot.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(OperationError, match="no whole snapshot"):
        etcd.status(tmp_path / "snapshot.db")
