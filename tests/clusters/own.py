"""Images as a user brings them, made here: small, and whole unless a test takes something away."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.clusters.images.oci import ARCHITECTURE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Files = dict[str, bytes]
FOREIGN = "arm64" if ARCHITECTURE != "arm64" else "amd64"
OCI = "application/vnd.oci.image"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob(content: bytes) -> str:
    return f"blobs/{digest(content).replace(':', '/')}"


def tar(files: Files, links: dict[str, str] | None = None) -> bytes:
    """A tar of files and symbolic links."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for name, place in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, place
            archive.addfile(entry)
    return target.getvalue()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """An image of two layers, of which the second is compressed."""

    content: bytes = b"hello"
    architecture: str = ARCHITECTURE
    files: Files = field(default_factory=dict)
    """More of the first layer's."""
    command: tuple[str, ...] = ("/hello",)

    @property
    def layers(self) -> list[bytes]:
        first, second = tar({"hello": self.content, **self.files}), tar({"etc/name": self.content})
        return [first, gzip.compress(second, mtime=0)]

    @property
    def config(self) -> bytes:
        first, second = self.layers
        contents = [digest(first), digest(gzip.decompress(second))]
        document = {
            "os": "linux",
            "architecture": self.architecture,
            "config": {"Cmd": list(self.command)},
            "rootfs": {"type": "layers", "diff_ids": contents},
        }
        return json.dumps(document).encode()

    @property
    def manifest(self) -> bytes:
        kinds = (f"{OCI}.layer.v1.tar", f"{OCI}.layer.v1.tar+gzip")
        document = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": described(f"{OCI}.config.v1+json", self.config),
            "layers": [described(kind, layer) for kind, layer in zip(kinds, self.layers, strict=True)],
        }
        # Not as this repository would write it: the digest is of these very bytes.
        return json.dumps(document, indent=3).encode()

    @property
    def entry(self) -> dict[str, Any]:
        """What an index says of it."""
        platform = {"os": "linux", "architecture": self.architecture}
        return {**described(f"{OCI}.manifest.v1+json", self.manifest), "platform": platform}

    @property
    def blobs(self) -> Files:
        return {blob(content): content for content in (self.config, self.manifest, *self.layers)}


def described(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def named(entry: dict[str, Any], name: str, *, key: str = "io.containerd.image.name") -> dict[str, Any]:
    return {**entry, "annotations": {key: name}}


def layout(entries: Iterable[dict[str, Any]], *contents: Files) -> Files:
    """An OCI layout with these entries in its index."""
    index = {"schemaVersion": 2, "manifests": list(entries)}
    files: Files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index).encode()}
    for content in contents:
        files |= content
    return files


def oci(sample: Sample, name: str = "docker.io/library/app:1") -> Files:
    return layout([named(sample.entry, name)], sample.blobs)


def several(*samples: Sample) -> tuple[dict[str, Any], Files]:
    """An index of one image for several processors, as an entry of a layout's index, with its blobs."""
    index = json.dumps({"schemaVersion": 2, "manifests": [sample.entry for sample in samples]}).encode()
    files = {blob(index): index}
    for sample in samples:
        files |= sample.blobs
    return described(f"{OCI}.index.v1+json", index), files


def saved(sample: Sample, *tags: str) -> Files:
    """What `docker save` wrote before its release 25: no manifest, no digests but in the configuration."""
    layers = {f"{number}/layer.tar": layer for number, layer in enumerate(sample.layers)}
    config = f"{hashlib.sha256(sample.config).hexdigest()}.json"
    manifest = [{"Config": config, "RepoTags": list(tags) or None, "Layers": list(layers)}]
    return {**layers, config: sample.config, "manifest.json": json.dumps(manifest).encode()}


def write(path: Path, files: Files) -> Path:
    """An archive of files, compressed if its name says so."""
    content = tar(files)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
