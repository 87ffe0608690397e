"""What happens on the disk of an etcd member, by the script that runs in the pod, on a folder."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import pytest

from operations.karmada.disk import pack, script

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A member's disk with data on it, and what a run that was cut off has left."""
    folder = tmp_path / "disk"
    (folder / "member" / "wal").mkdir(parents=True)
    (folder / "member" / "wal" / "0.wal").write_text("of the other etcd")
    (folder / ".new" / "member").mkdir(parents=True)
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """A data folder, packed."""
    data = tmp_path / "data"
    (data / "member" / "snap").mkdir(parents=True)
    (data / "member" / "snap" / "db").write_bytes(bytes(range(256)) * 1000)
    packed = io.BytesIO()
    pack(data, packed)
    return packed.getvalue()


def _put(disk: Path, archive: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["sh", "-c", script(str(disk))], input=archive, capture_output=True, check=False)


def _files(disk: Path) -> list[str]:
    return sorted(str(file.relative_to(disk)) for file in disk.rglob("*") if file.is_file())


def test_all_that_was_there_is_replaced(disk: Path, archive: bytes) -> None:
    done = _put(disk, archive)
    assert done.returncode == 0, done.stderr
    assert _files(disk) == ["member/snap/db"], "a log of the other etcd would be replayed over the snapshot"
    assert (disk / "member" / "snap" / "db").read_bytes() == bytes(range(256)) * 1000
    assert [path.name for path in disk.iterdir()] == ["member"]


def test_a_connection_that_breaks_leaves_what_was_there(disk: Path, archive: bytes) -> None:
    before_digests = archive.index(b"sha256\0")
    for whole in (0, before_digests // 3, before_digests):
        assert _put(disk, archive[:whole]).returncode != 0, f"after {whole} of {len(archive)} bytes"
        assert "member/wal/0.wal" in _files(disk)


def test_content_that_is_not_what_was_sent_leaves_what_was_there(disk: Path, archive: bytes) -> None:
    at = archive.index(bytes(range(1, 256)))
    assert _put(disk, archive[:at] + b"X" + archive[at + 1 :]).returncode != 0
    assert "member/wal/0.wal" in _files(disk)
