"""Writes images as one archive in the OCI layout, which containerd imports.

Formats: https://github.com/opencontainers/image-spec (image-layout.md, manifest.md, config.md, layer.md). Equal images
give equal bytes: times and owners are fixed, and entries sorted.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from sandbox.clusters.images.model import Folder, HostFile, Link, Text, contents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.clusters.images.model import Image, Layer, Packed

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
# Go's names for what the kernel calls otherwise.
ARCHITECTURE: Final = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
"""Of this machine, as images name it."""


class _Archive:
    """A tar file with an OCI layout in it. Blobs that were written already are left out."""

    def __init__(self, target: Path, scratch: Path) -> None:
        self._tar = tarfile.open(target, "w")  # noqa: SIM115  # closed by close()
        self._scratch = scratch
        self._known: set[str] = set()
        self._layers: dict[int, dict[str, Any]] = {}

    def layer(self, layer: Layer) -> dict[str, Any]:
        """The descriptor of a layer; the same object is packed once."""
        if id(layer) not in self._layers:
            path = self._scratch / "layer.tar"
            _pack(layer, path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest not in self._known:
                self._known.add(digest)
                self._tar.add(path, f"blobs/sha256/{digest}", filter=_plain)
            self._layers[id(layer)] = descriptor(LAYER, f"sha256:{digest}", path.stat().st_size)
        return self._layers[id(layer)]

    def document(self, kind: str, document: dict[str, Any]) -> dict[str, Any]:
        """The descriptor of a JSON document that is kept as a blob."""
        content = json.dumps(document, sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._known:
            self._known.add(digest)
            self.file(f"blobs/sha256/{digest}", content)
        return descriptor(kind, f"sha256:{digest}", len(content))

    def file(self, name: str, content: bytes) -> None:
        """Add a file of the layout itself."""
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        self._tar.addfile(entry, io.BytesIO(content))

    def close(self) -> None:
        """Finish the archive."""
        self._tar.close()


def write_archive(images: Iterable[Image], target: Path, *, scratch: Path) -> None:
    """Write images into one archive; what they share is in it once.

    `scratch` is an existing folder for temporary files. Raises OSError where a file cannot be read or written.
    """
    archive = _Archive(target, scratch)
    manifests = [_add(archive, image) for image in images]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
    archive.file("oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
    archive.file("index.json", json.dumps(index, sort_keys=True).encode())
    archive.close()


def _add(archive: _Archive, image: Image) -> dict[str, Any]:
    layers = [archive.layer(layer) for layer in image.layers]
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **image.environment}
    config = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "config": {
            "User": image.user,
            "Env": [f"{key}={value}" for key, value in environment.items()],
            "Entrypoint": list(image.entrypoint),
            "Cmd": list(image.command),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": archive.document(CONFIG, config),
        "layers": layers,
    }
    name = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name}
    return {**archive.document(MANIFEST, manifest), "annotations": name}


def descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    """What refers to a blob in an index or a manifest."""
    return {"mediaType": kind, "digest": digest, "size": size}


def _pack(layer: Layer, target: Path) -> None:
    """Write a layer: folders before what is in them."""
    files = contents(layer)
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents} - {"/"} - set(files)
    entries: dict[str, Packed] = {**dict.fromkeys(folders, Folder()), **files}
    with tarfile.open(target, "w") as tar:
        for path, entry in sorted(entries.items()):
            _pack_entry(tar, path.lstrip("/"), entry)


def _pack_entry(tar: tarfile.TarFile, name: str, entry: Packed) -> None:
    info = tarfile.TarInfo(name)
    match entry:
        case Folder(mode):
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)
        case Link(target):
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        case Text(content):
            info.size = len(content.encode())
            tar.addfile(info, io.BytesIO(content.encode()))
        case HostFile(source, mode):
            info.mode, info.size = mode, source.stat().st_size
            with source.open("rb") as file:
                tar.addfile(info, file)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    plain = tarfile.TarInfo(info.name)
    plain.size = info.size
    return plain
