"""A user's own images, kept from one `up` to the next: an archive for each in the cache, beside what the sandbox makes.

They belong to a sandbox by its name and outlive it, so that the nodes of the next `up` have them too.
"""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

from sandbox.clusters.images.archives import ImageError, read_images
from sandbox.clusters.images.oci import INDEX, MANIFEST, descriptor
from sandbox.clusters.images.table import IMAGES
from sandbox.privileges import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.images.archives import OwnImage

_SANDBOXS: Final = frozenset(image.name for image in IMAGES)


@dataclass(frozen=True, kw_only=True)
class KeptImage:
    """An image in a library."""

    name: str
    """In full, as a node's containerd has it: "docker.io/library/app:1"."""
    digest: str
    """Of its manifest."""
    config: str
    """The digest of its configuration, by which a kubelet knows it."""
    archive: Path
    """An OCI layout, as containerd imports it."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a library has now, and had before under the same names."""

    added: list[KeptImage]
    replaced: list[KeptImage]


@dataclass(frozen=True)
class Library:
    """The images of one sandbox's user."""

    folder: Path

    @staticmethod
    def of(layout: Layout) -> Library:
        """That of a sandbox."""
        return Library(CACHE / "own-images" / layout.name)

    def images(self) -> list[KeptImage]:
        """All of them, by name. Raises ImageError."""
        return sorted((_read(path) for path in self.folder.glob("*.tar")), key=lambda image: image.name)

    def find(self, name: str) -> KeptImage:
        """The image of a full name. Raises ImageError."""
        if not (path := self._archive(name)).exists():
            raise ImageError(
                what=f"{name} cannot be removed",
                why="it is the sandbox's own" if name in _SANDBOXS else "no image of yours is called that",
                remedy="`python -m sandbox images list` has yours",
            )
        return _read(path)

    def add(self, source: Path, *, called: str | None = None) -> Change:
        """Keep the images of an archive or a folder; nothing is kept unless all of them can be.

        `called` is the full name of the only image.

        Raises:
            ImageError: there is none, or one that cannot be used.
            OSError: the cache cannot be written.

        """
        with self._alone(), self.scratch() as folder:
            found = read_images(source, scratch=folder, called=called)
            for image in found:
                _spare_the_sandbox(source, image.name)
            before = {image.name: image for image in self.images()}
            names = list(dict.fromkeys(image.name for image in found))
            for number, image in enumerate(found):
                _write(image, folder / f"{number}.new")
            for number, image in enumerate(found):
                self._keep(folder / f"{number}.new", self._archive(image.name))
            replaced = [before[name] for name in names if name in before]
            return Change(added=[_read(self._archive(name)) for name in names], replaced=replaced)

    def remove(self, image: KeptImage) -> None:
        """Forget an image."""
        with self._alone():
            image.archive.unlink(missing_ok=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder on the library's disk, for what is on its way into it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="new-") as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            yield

    def _keep(self, written: Path, archive: Path) -> None:
        written.replace(archive)

    def _archive(self, name: str) -> Path:
        return self.folder / f"{sha256(name.encode()).hexdigest()[:32]}.tar"


def _spare_the_sandbox(source: Path, name: str) -> None:
    if name in _SANDBOXS:
        raise ImageError(
            what=f"{source} cannot be loaded",
            why=f"{name} is an image of the sandbox's own, which its clusters run on",
            remedy=f"Give it another name: `images load {source} --as NAME:TAG`",
        )


def _write(image: OwnImage, archive: Path) -> None:
    """Write an image as an OCI layout: first what says which image it is."""
    digest = f"sha256:{sha256(image.manifest).hexdigest()}"
    named = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name}
    kind = json.loads(image.manifest).get("mediaType", MANIFEST)
    manifest = {**descriptor(kind, digest, len(image.manifest)), "annotations": named}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]}
    with tarfile.open(archive, "w") as tar:
        for name, content in {
            "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
            "index.json": json.dumps(index).encode(),
            _blob(digest): image.manifest,
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for digest, path in image.blobs.items():
            tar.add(path, _blob(digest), recursive=False)


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _read(archive: Path) -> KeptImage:
    try:
        with tarfile.open(archive, "r:") as tar:
            manifest = _document(tar, "index.json")["manifests"][0]
            config = _document(tar, _blob(manifest["digest"]))["config"]["digest"]
        name = manifest["annotations"]["io.containerd.image.name"]
        return KeptImage(name=name, digest=manifest["digest"], config=config, archive=archive)
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise ImageError(
            what="An image of yours cannot be read",
            why=f"{archive} is damaged ({error})",
            remedy="Remove that file, and load the image again",
        ) from error


def _document(tar: tarfile.TarFile, name: str) -> Any:
    """A JSON document that is among the first entries, so that the others are not read."""
    for entry in tar:
        if entry.name == name and (file := tar.extractfile(entry)):
            return json.load(file)
    raise KeyError(name)
