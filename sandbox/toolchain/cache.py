"""Where built tools are kept: outside the checkout, by a hash of everything that decides what they are.

- `tools/NAME/KEY/NAME`: the executable.
- `tools/NAME/KEY/record.json`: what it is; written last, so that an entry without one counts as missing.
- `locks/NAME.lock`: held while an entry is made or removed.
- `tmp/`: unfinished work, renamed into place when it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.files import write_whole
from sandbox.privileges import give, home
from sandbox.toolchain.errors import CacheUnusableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_STALE_SECONDS: Final = 24 * 3600.0


def default_cache_folder() -> Path:
    """`$FLEET_CACHE_HOME`, `$XDG_CACHE_HOME/fleet`, or `~/.cache/fleet` (XDG Base Directory Specification).

    The home is that of whoever asked, also where root looks for it.
    """
    own, base = os.environ.get("FLEET_CACHE_HOME", ""), os.environ.get("XDG_CACHE_HOME", "")
    if Path(own).is_absolute():
        return Path(own)
    # The specification: a relative path is invalid and is to be ignored.
    return (Path(base) if Path(base).is_absolute() else home() / ".cache") / "fleet"


class Record(BaseModel):
    """What an executable in the cache is, and how it looked when its hash was taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    go: str
    sha256: str
    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since the epoch."""
    build_seconds: float
    """Of all tools that were built with it."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """An executable that has just been built, and what its record says of its making."""

    file: Path
    version: str
    go: str
    build_seconds: float
    """Of all tools that were built with it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The place of one executable in the cache, whether or not it is there."""

    folder: Path
    name: str

    @property
    def executable(self) -> Path:
        """Where the executable is."""
        return self.folder / self.name

    @property
    def _record_file(self) -> Path:
        return self.folder / "record.json"

    def record(self) -> Record | None:
        """What is recorded, or None where nothing readable is."""
        try:
            return Record.model_validate_json(self._record_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def intact(self) -> bool:
        """Whether the executable is what was recorded: by size and time, and by its hash if these differ."""
        record = self.record()
        try:
            status = self.executable.stat()
        except FileNotFoundError:
            return False
        if record is None or status.st_size != record.size:
            return False
        if status.st_mtime_ns == record.modified and os.access(self.executable, os.X_OK):
            return True
        return self.verified()

    def verified(self) -> bool:
        """Whether the executable has the recorded hash. Reads all of it, and mends its recorded time and mode."""
        record = self.record()
        if record is None or not self.executable.is_file() or _sha256(self.executable) != record.sha256:
            return False
        self.executable.chmod(0o755)
        self._write(record.model_copy(update={"modified": self.executable.stat().st_mtime_ns}))
        return True

    def store(self, made: Made) -> None:
        """Put a built executable in place, whole or not at all."""
        made.file.chmod(0o755)
        status = made.file.stat()
        record = Record(
            version=made.version,
            go=made.go,
            sha256=_sha256(made.file),
            size=status.st_size,
            modified=status.st_mtime_ns,
            build_seconds=made.build_seconds,
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        # Without its record the entry counts as missing, for as long as the two might not match.
        self._record_file.unlink(missing_ok=True)
        made.file.replace(self.executable)
        self._write(record)

    def _write(self, record: Record) -> None:
        write_whole(self._record_file, record.model_dump_json(indent=2) + "\n")
        # Root looks too, in the cache of who asked for it, and mends what a copy has changed.
        give(self._record_file)


class Cache:
    """A folder of built tools that any number of processes use at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entry(self, name: str, key: str) -> Entry:
        """The place of a tool with a given key."""
        return Entry(folder=self.folder / "tools" / name / key, name=name)

    def lock(self, name: str) -> FileLock:
        """What to hold while an entry of a tool is made or removed; the system frees it if the holder dies."""
        locks = self.folder / "locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            return FileLock(locks / f"{name}.lock")
        except OSError as error:
            raise self._unusable(error) from error

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder for unfinished work on the cache's own file system. It is gone afterwards, whatever happens."""
        unfinished = self.folder / "tmp"
        try:
            unfinished.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=unfinished))
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def prune(self, keep: Collection[Entry]) -> int:
        """Remove every tool but those to keep, and what killed builds left behind. Returns the bytes freed."""
        kept = {entry.folder for entry in keep}
        freed = 0
        for folder in sorted(self.folder.glob("tools/*/*")):
            if folder not in kept:
                freed += self._remove(folder)
        for folder in self.folder.glob("tmp/*"):
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                freed += _tree_size(folder)
                shutil.rmtree(folder, ignore_errors=True)
        return freed

    def _remove(self, folder: Path) -> int:
        size = _tree_size(folder)
        try:
            with self.lock(folder.parent.name).acquire(blocking=False):
                shutil.rmtree(folder)
        except Timeout:  # Someone builds this tool just now.
            return 0
        return size

    def _unusable(self, error: OSError) -> CacheUnusableError:
        return CacheUnusableError(
            what=f"The cache {self.folder} cannot be used",
            why=str(error),
            remedy="Make that folder writable and give it room, or name another one in XDG_CACHE_HOME",
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _tree_size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
