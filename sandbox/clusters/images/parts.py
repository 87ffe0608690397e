"""The files that an image's archive is made of, each with its digest."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import posixpath
import shutil
import tarfile
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_GZIP: Final = b"\x1f\x8b"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"


class NoArchiveError(Exception):
    """Something is no image's archive; says what it is instead."""


class DamageError(Exception):
    """A part is missing, or is not what it should be; says which."""


@dataclass(frozen=True)
class Part:
    """One file."""

    path: Path
    digest: str
    """sha256:... of the file as it is."""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size

    @property
    def gzipped(self) -> bool:
        """Whether it is compressed by gzip."""
        return self._begins(_GZIP)

    def read(self) -> bytes:
        """All of it."""
        return self.path.read_bytes()

    def content_digest(self) -> str | None:
        """The digest of what is compressed in it, or of itself; None for what cannot be decompressed here.

        Raises DamageError if it cannot be decompressed to its end.
        """
        if self._begins(_ZSTANDARD):
            return None
        if not self.gzipped:
            return self.digest
        try:
            with gzip.open(self.path) as content:
                return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
        except (EOFError, OSError, zlib.error) as error:
            raise DamageError(f"{self.digest} cannot be decompressed ({error})") from error

    def _begins(self, mark: bytes) -> bool:
        with self.path.open("rb") as file:
            return file.read(len(mark)) == mark


@dataclass(frozen=True)
class Parts:
    """All files, by their paths from the archive's top."""

    files: dict[str, Part] = field(default_factory=dict)

    @cached_property
    def _blobs(self) -> dict[str, Part]:
        return {part.digest: part for part in self.files.values()}

    def blob(self, digest: str) -> Part:
        """The file whose content has a digest, wherever it is. Raises DamageError."""
        if digest in self._blobs:
            return self._blobs[digest]
        there = f"blobs/{digest.replace(':', '/')}" in self.files
        raise DamageError(f"{digest} {'is not what its digest says' if there else 'is missing'}")

    def file(self, name: str) -> Part:
        """A file by its path. Raises DamageError."""
        if name not in self.files:
            raise DamageError(f"{name} is missing")
        return self.files[name]


def open_parts(source: Path, *, scratch: Path) -> Parts:
    """The files of a folder, or of an archive, unpacked into `scratch`.

    Raises:
        NoArchiveError: it is no archive.
        DamageError: it is a part of one, or cannot be decompressed.

    """
    if not source.exists():
        raise NoArchiveError("there is no such file")
    if source.is_dir():
        files = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file()}
        return Parts({name: Part(path, _file_digest(path)) for name, path in files.items()})
    try:
        tar = tarfile.open(source)  # noqa: SIM115  # closed below
    except (tarfile.TarError, EOFError) as error:
        # Its own words are a line for each kind of compression that it tried.
        raise NoArchiveError("it is neither a .tar nor a .tar.gz file, or only the beginning of one") from error
    try:
        with tar:
            return Parts(_unpack(tar, scratch))
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DamageError(str(error)) from error


def _unpack(tar: tarfile.TarFile, scratch: Path) -> dict[str, Part]:
    """Every file, under a name of our own: an archive's may lead anywhere."""
    files: dict[str, Part] = {}
    links: dict[str, str] = {}
    for number, entry in enumerate(tar):
        name = posixpath.normpath(entry.name)
        if entry.issym():
            links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), entry.linkname))
        elif entry.islnk():
            links[name] = posixpath.normpath(entry.linkname)
        elif content := tar.extractfile(entry):
            path = scratch / str(number)
            with content, path.open("wb") as target:
                shutil.copyfileobj(content, target)
            files[name] = Part(path, _file_digest(path))
    # Docker before its release 25 writes a layer that is there already as a link to it.
    return files | {name: files[target] for name, target in links.items() if target in files}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
