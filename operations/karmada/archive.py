"""A fleet's backups in their bucket: sealed snapshots of Karmada's etcd, each named after the time when it was made.

Who makes them is on the manager (fleet/karmada/backup.py); here they are listed and fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.naming import backup_prefix
from operations import storage
from operations.errors import OperationError

if TYPE_CHECKING:
    from pathlib import Path

    from operations.state.access import Access

_SUFFIX: Final = ".age"
_KEYS: Final = "keys"
"""The object's metadata that names the keys of encryption at rest that Karmada had (fleet/karmada/backup.py)."""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A sealed snapshot in the bucket; `name` is when it was made, in UTC, so that names sort by time."""

    name: str
    key: str
    """The object's."""
    size: int
    """In bytes."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A sealed snapshot on this machine, and the keys that what is in it may be encrypted by."""

    backup: Backup
    keys: tuple[str, ...]


class Archive:
    """One fleet's backups. Every method raises OperationError where the store refuses."""

    def __init__(self, access: Access, fleet: str) -> None:
        self._bucket = access.bucket
        self._fleet = fleet
        self._prefix = backup_prefix(fleet)
        self._client = storage.client(access)

    def all(self) -> list[Backup]:
        """Every backup, oldest first."""
        with storage.explained(f"Cannot list the backups of {self._fleet}", remedy="Mend that and run again"):
            return sorted(storage.once_known(self._listed), key=lambda backup: backup.name)

    def _listed(self) -> list[Backup]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        return [
            Backup(
                name=entry["Key"].removeprefix(self._prefix).removesuffix(_SUFFIX),
                key=entry["Key"],
                size=entry["Size"],
            )
            for page in pages
            for entry in page.get("Contents", [])
            if entry["Key"].endswith(_SUFFIX)
        ]

    def fetch(self, name: str | None, file: Path) -> Fetched:
        """Download a backup, the newest where no name is given. It is sealed: whether it is whole, age knows."""
        backup = self._named(name)
        with storage.explained(f"Cannot download {backup.key}", remedy="Mend that and run again"):
            head = self._client.head_object(Bucket=self._bucket, Key=backup.key)
            self._client.download_file(self._bucket, backup.key, str(file))
        keys = head["Metadata"].get(_KEYS, "")
        return Fetched(backup=backup, keys=tuple(filter(None, keys.split(","))))

    def _named(self, name: str | None) -> Backup:
        known = self.all()
        if not known:
            raise OperationError(
                what=f"There is no backup of {self._fleet}",
                why=f"nothing lies below {self._prefix} in {self._bucket}",
                remedy="Check --fleet and the bucket",
            )
        if name is None:
            return known[-1]
        chosen = next((backup for backup in known if backup.name == name), None)
        if chosen is None:
            raise OperationError(
                what=f"There is no backup {name} of {self._fleet}",
                why=f"the newest are {', '.join(backup.name for backup in known[-5:])}",
                remedy="Name one of `karmada backups`",
            )
        return chosen
