"""Snapshots in a bucket: each an object of its own, with its SHA-256, read back before it counts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from operations import storage
from operations.errors import OperationError

if TYPE_CHECKING:
    from pathlib import Path

    from operations.karmada.etcd import SnapshotStatus
    from operations.state.access import Access

_PREFIX: Final = "karmada/"
_SUFFIX: Final = ".db"
_DIGEST, _REVISION, _KEYS = "sha256", "revision", "keys"
_TIME: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot in the bucket; `name` is when it was taken, in UTC, so that names sort by time."""

    fleet: str
    name: str
    size: int
    """In bytes."""

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{_PREFIX}{self.fleet}/{self.name}{_SUFFIX}"


class Archive:
    """One fleet's snapshots. Every method raises OperationError where the store refuses."""

    def __init__(self, access: Access, fleet: str) -> None:
        self._bucket = access.bucket
        self._fleet = fleet
        self._client = storage.client(access)

    def add(self, file: Path, status: SnapshotStatus, *, now: datetime | None = None) -> Snapshot:
        """Upload a snapshot, read it back, and compare. What does not compare is removed."""
        digest = _digest(file)
        taken = (now or datetime.now(UTC)).strftime(_TIME)
        snapshot = Snapshot(fleet=self._fleet, name=taken, size=file.stat().st_size)
        with storage.explained(f"Cannot upload {snapshot.key}", remedy="Mend that and run again"):
            self._client.upload_file(
                str(file),
                self._bucket,
                snapshot.key,
                ExtraArgs={
                    "Metadata": {_DIGEST: digest, _REVISION: str(status.revision), _KEYS: str(status.keys)},
                    "ContentType": "application/octet-stream",
                },
            )
            stored = hashlib.sha256()
            for chunk in self._client.get_object(Bucket=self._bucket, Key=snapshot.key)["Body"].iter_chunks():
                stored.update(chunk)
        if stored.hexdigest() != digest:
            with storage.explained(f"Cannot remove {snapshot.key}, which is damaged", remedy="Remove it by hand"):
                self._client.delete_object(Bucket=self._bucket, Key=snapshot.key)
            raise OperationError(
                what=f"{snapshot.key} was not kept",
                why="what the store gives back is not what was uploaded",
                remedy="Run again",
            )
        return snapshot

    def all(self) -> list[Snapshot]:
        """Every snapshot, oldest first."""
        prefix = f"{_PREFIX}{self._fleet}/"
        with storage.explained(f"Cannot list the snapshots of {self._fleet}", remedy="Mend that and run again"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            found = [
                Snapshot(
                    fleet=self._fleet,
                    name=entry["Key"].removeprefix(prefix).removesuffix(_SUFFIX),
                    size=entry["Size"],
                )
                for page in pages
                for entry in page.get("Contents", [])
                if entry["Key"].endswith(_SUFFIX)
            ]
        return sorted(found, key=lambda snapshot: snapshot.name)

    def fetch(self, name: str | None, file: Path) -> Snapshot:
        """Download a snapshot, the newest where no name is given, and compare it with its digest."""
        snapshot = self._named(name)
        with storage.explained(f"Cannot download {snapshot.key}", remedy="Mend that and run again"):
            head = self._client.head_object(Bucket=self._bucket, Key=snapshot.key)
            self._client.download_file(self._bucket, snapshot.key, str(file))
        if _digest(file) != head["Metadata"].get(_DIGEST):
            file.unlink()
            raise OperationError(
                what=f"{snapshot.key} is damaged",
                why="its SHA-256 is not the one that was recorded with it",
                remedy="Fetch an earlier snapshot, or an earlier version of this object",
            )
        return snapshot

    def prune(self, keep: int) -> list[Snapshot]:
        """Remove all but the newest `keep`; a versioned bucket still has them for its days. Returns what went."""
        gone = self.all()[:-keep]
        with storage.explained("Cannot remove old snapshots", remedy="Mend that and run again; the new one is kept"):
            for snapshot in gone:
                self._client.delete_object(Bucket=self._bucket, Key=snapshot.key)
        return gone

    def _named(self, name: str | None) -> Snapshot:
        known = self.all()
        if not known:
            raise OperationError(
                what=f"There is no snapshot of {self._fleet}",
                why=f"nothing lies below {_PREFIX}{self._fleet}/ in {self._bucket}",
                remedy="Check --fleet and the bucket",
            )
        if name is None:
            return known[-1]
        chosen = next((snapshot for snapshot in known if snapshot.name == name), None)
        if chosen is None:
            raise OperationError(
                what=f"There is no snapshot {name} of {self._fleet}",
                why=f"the newest are {', '.join(snapshot.name for snapshot in known[-5:])}",
                remedy="Name one of `karmada snapshots`",
            )
        return chosen


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
