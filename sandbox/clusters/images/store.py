"""The store of images that every node begins with: imported once, and shared by all nodes as hard links.

A node's containerd has its own database, which is copied. What is large, layers and blobs, containerd never changes
once it is written, so the nodes' copies are links to one file each, and ten nodes take the space of one (decision
0051).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock

from sandbox.clusters.host.subprocesses import CommandError, beside, run
from sandbox.clusters.images.model import HostFile, contents
from sandbox.clusters.images.oci import write_archive
from sandbox.privileges import CACHE
from sandbox.toolchain import tool_path
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sandbox.clusters.images.model import Image, Packed

# Half a gigabyte is unpacked, on a disk that may have other work.
_IMPORT_SECONDS: Final = 900.0
_START_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.1
_ROOT: Final = "root"
_HOMES: Final = "homes"
_FORMAT: Final = "3"


def default_cache() -> Path:
    """Where stores are kept: what containerd unpacks is root's, and has no place in anybody's home."""
    return CACHE / "images"


def lay_out(store: Path, target: Path) -> None:
    """Give a node its containerd root, unless it has one. Raises CommandError if it cannot be copied."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".new")
    if temporary.exists():
        shutil.rmtree(temporary)
    same_disk = store.stat().st_dev == target.parent.stat().st_dev
    run("cp", "--archive", "--link" if same_disk else "--reflink=auto", f"{store}/", str(temporary))
    for database in temporary.rglob("*.db"):
        database.unlink()
        shutil.copyfile(store / database.relative_to(temporary), database)
    temporary.rename(target)


@dataclass(frozen=True, kw_only=True)
class ImageStore:
    """A containerd root folder with all images in it."""

    images: Sequence[Image]
    cache: Path

    @cached_property
    def folder(self) -> Path:
        """Where the store is, once it is made; named by its content, which every checkout has at other paths."""
        return self.cache / self._key()

    def make(self, *, keep: Collection[Path] = ()) -> None:
        """Make the store, unless it is there. Others go, but for those to keep; nodes have their own links to a store.

        Raises SandboxError or OSError if an image cannot be made.
        """
        self.cache.mkdir(parents=True, exist_ok=True)
        with FileLock(self.cache / ".lock"):
            if self.folder.exists():
                return
            for old in self.cache.iterdir():
                if old.is_dir() and old not in keep and old.name != _HOMES:
                    shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=self.cache, prefix="new-") as folder:
                self._import(Path(folder))
                Path(folder, _ROOT).rename(self.folder)

    def note(self, home: Path) -> None:
        """Have a folder of sandboxes remembered as one whose sandboxes use stores of this cache."""
        link = self.cache / _HOMES / hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:16]
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(home.absolute())

    def homes(self) -> list[Path]:
        """Those folders."""
        return [link.readlink() for link in sorted((self.cache / _HOMES).glob("*"))]

    def _import(self, folder: Path) -> None:
        archive, socket = folder / "images.tar", folder / "c.sock"
        write_archive(self.images, archive, scratch=folder)
        configuration = folder / "config.toml"
        configuration.write_text(
            f'version = 3\nroot = "{folder / _ROOT}"\nstate = "{folder / "state"}"\n[grpc]\n  address = "{socket}"\n'
            # Serving pods takes programs that are not needed here; the others make a socket and folders on the host.
            'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri",'
            ' "io.containerd.internal.v1.opt"]\n'
        )
        log = folder / "containerd.log"
        # With mounts of its own: those under way while it unpacks never show on the host. And with a /run of its own,
        # where it makes its default state folder whatever its configuration says (CreateTopLevelDirectories).
        apart = ["unshare", "--mount", "--", "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "containerd"]
        line = [*apart, str(tool_path("containerd")), f"--config={configuration}"]
        client = (str(tool_path("ctr")), "--address", str(socket), "--namespace", "k8s.io")
        with beside(line, log=log, folder=folder):
            if not until(lambda: _answers(client), seconds=_START_SECONDS, every=_PAUSE_SECONDS):
                raise CommandError(["containerd"], log.read_text())
            run(*client, "images", "import", str(archive), timeout_seconds=_IMPORT_SECONDS)

    def _key(self) -> str:
        digest = hashlib.sha256(f"{_FORMAT} {tool_path('containerd')}".encode())
        for image in self.images:
            digest.update(repr(replace(image, layers=())).encode())
            for layer in image.layers:
                digest.update(b"layer ")
                for path, entry in contents(layer).items():
                    digest.update(f"{path} {_content(entry)}".encode())
        return digest.hexdigest()[:32]


def _content(entry: Packed) -> str:
    """What tells a file from any other one, wherever the host has it."""
    if not isinstance(entry, HostFile):
        return repr(entry)
    with entry.source.open("rb") as file:
        return f"{entry.mode} {hashlib.file_digest(file, 'sha256').hexdigest()}"


def _answers(client: tuple[str, ...]) -> bool:
    try:
        run(*client, "version")
    except CommandError:
        return False
    return True
