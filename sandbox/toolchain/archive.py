"""Built tools in one file, for another machine of the same kind.

A gzipped tar: first `manifest.json`, then `tools/NAME/KEY` in the manifest's order. No name in it is ever used as a
path: what comes from an archive is put where this checkout's own table has it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import tempfile
import urllib.request
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.toolchain.cache import Made
from sandbox.toolchain.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.toolchain.cache import Cache, Entry

_MANIFEST: Final = "manifest.json"
_MANIFEST_BYTES: Final = 2**20
_PART_BYTES: Final = 2**20
_SILENCE_SECONDS: Final = 60.0
# A tenth of the time of the default, and a fifth more to carry.
_COMPRESSION: Final = 1
_BROKEN: Final = (tarfile.TarError, zlib.error, EOFError)


class Exported(BaseModel):
    """What the manifest says of one tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    key: str
    """Equal keys mean equal executables."""
    version: str
    go: str
    size: int = Field(ge=0)
    """Bytes."""
    sha256: str
    build_seconds: float

    @property
    def member(self) -> str:
        """What it is called in the archive."""
        return f"tools/{self.name}/{self.key}"


class Manifest(BaseModel):
    """What an archive has, and what kind of machine it is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    system: str
    processor: str
    tools: tuple[Exported, ...]


def machine() -> tuple[str, str]:
    """What executables are built for: the system and the processor."""
    return os.uname().sysname, os.uname().machine


def write(file: Path, entries: Iterable[Entry]) -> Manifest:
    """Put tools that are built into an archive, which appears whole or not at all.

    Raises ArchiveError if one is not built, or not as it was, or the file cannot be written.
    """
    known = {entry: _exported(entry) for entry in entries}
    system, processor = machine()
    manifest = Manifest(system=system, processor=processor, tools=tuple(known.values()))
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as folder:
            unfinished = Path(folder, file.name)
            with tarfile.open(unfinished, "w:gz", compresslevel=_COMPRESSION) as archive:
                text = manifest.model_dump_json(indent=1).encode()
                archive.addfile(_member(_MANIFEST, len(text)), io.BytesIO(text))
                for entry, exported in known.items():
                    with entry.executable.open("rb") as content:
                        archive.addfile(_member(exported.member, exported.size), content)
            unfinished.replace(file)
    except OSError as error:
        raise _unusable(str(file), error) from error
    return manifest


def _exported(entry: Entry) -> Exported:
    record = entry.record()
    if record is None or not entry.verified():
        raise ArchiveError(
            what=f"{entry.name} cannot be exported",
            why="it is damaged" if record else "it is not built",
            remedy="Run the same with --build, which builds what is missing first",
        )
    return Exported(
        name=entry.name,
        key=entry.folder.name,
        version=record.version,
        go=record.go,
        size=record.size,
        sha256=record.sha256,
        build_seconds=record.build_seconds,
    )


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o755
    return member


def read(source: str, entries: Iterable[Entry], cache: Cache) -> tuple[Entry, ...]:
    """Put the tools of an archive, a file or an address, into their places, all that this checkout uses or none.

    Args:
        source: where the archive is.
        entries: the places of the tools that this checkout uses.
        cache: where the places are.

    Returns what was put in place. What is there and intact already stays.

    Raises:
        ArchiveError: it is damaged, of another kind of machine, has nothing that this checkout uses, or cannot be read.
        CacheUnusableError: the cache cannot be written.

    """
    places = {(entry.name, entry.folder.name): entry for entry in entries}
    with cache.workspace() as workspace:
        try:
            with _opened(source) as stream, tarfile.open(fileobj=stream, mode="r|gz") as archive:
                wanted = _wanted(source, _manifest(source, archive), places)
                made = _unpack(source, archive, wanted, workspace)
        except _BROKEN as error:
            raise _damaged(source, str(error) or "it ends in the middle") from error
        except OSError as error:
            raise _unusable(source, error) from error
        return tuple(_store(places[exported.name, exported.key], made[exported], cache) for exported in wanted)


def _manifest(source: str, archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    content = archive.extractfile(first) if first is not None and first.isreg() else None
    if first is None or first.name != _MANIFEST or first.size > _MANIFEST_BYTES or content is None:
        raise _foreign(source, "it does not begin with a manifest of tools")
    try:
        manifest = Manifest.model_validate_json(content.read())
    except ValidationError as error:
        raise _foreign(source, f"its manifest is of another form ({error.errors()[0]['msg']})") from error
    if (manifest.system, manifest.processor) != machine():
        here = " ".join(machine())
        raise _foreign(source, f"it was made for {manifest.system} {manifest.processor}, and this is {here}")
    if len({tool.member for tool in manifest.tools}) < len(manifest.tools):
        raise _foreign(source, "its manifest names a tool twice")
    return manifest


def _wanted(source: str, manifest: Manifest, places: dict[tuple[str, str], Entry]) -> tuple[Exported, ...]:
    if wanted := tuple(tool for tool in manifest.tools if (tool.name, tool.key) in places):
        return wanted
    raise _foreign(source, "it has no tool in a version that this checkout uses")


def _unpack(source: str, archive: tarfile.TarFile, wanted: Iterable[Exported], workspace: Path) -> dict[Exported, Made]:
    """Everything that is wanted, with the content that the manifest promises."""
    by_member = {exported.member: exported for exported in wanted}
    made: dict[Exported, Made] = {}
    for member in archive:
        exported = by_member.get(member.name)
        if exported is None:
            continue
        content = archive.extractfile(member) if member.isreg() else None
        if content is None or member.size != exported.size or exported in made:
            raise _damaged(source, f"{exported.name} is not as its manifest says")
        file = workspace / f"{exported.name}-{exported.key}"
        if _copy(content, file) != exported.sha256:
            raise _damaged(source, f"{exported.name} has another SHA-256 than its manifest says")
        made[exported] = Made(file=file, version=exported.version, go=exported.go, build_seconds=exported.build_seconds)
    if missing := [exported.name for exported in by_member.values() if exported not in made]:
        raise _damaged(source, f"{', '.join(missing)} of its manifest is not there")
    return made


def _copy(content: IO[bytes], file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("wb") as target:
        while part := content.read(_PART_BYTES):
            digest.update(part)
            target.write(part)
    return digest.hexdigest()


def _store(entry: Entry, made: Made, cache: Cache) -> Entry:
    with cache.lock(entry.name):
        if not entry.intact():
            entry.store(made)
    return entry


@contextlib.contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if source.startswith(("https://", "http://")):
        with urllib.request.urlopen(source, timeout=_SILENCE_SECONDS) as answer:  # noqa: S310  # http(s), as just seen
            yield answer
    else:
        with Path(source).open("rb") as file:
            yield file


def _damaged(source: str, why: str) -> ArchiveError:
    return ArchiveError(what=f"{source} is damaged, and nothing of it is used", why=why, remedy="Get it anew")


def _foreign(source: str, why: str) -> ArchiveError:
    return ArchiveError(
        what=f"{source} is of no use here",
        why=why,
        remedy="Export the tools from this commit on a machine of this kind (`python -m sandbox tools --export FILE`), "
        "or build them here (`--build`)",
    )


def _unusable(place: str, error: OSError) -> ArchiveError:
    # urllib's errors have their reason in another place than the system's.
    why = error.strerror or str(getattr(error, "reason", "")) or str(error)
    return ArchiveError(what=f"{place} cannot be read or written", why=why, remedy="Mend that and run again")
