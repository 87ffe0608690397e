"""Reads an image that a user brings: an OCI layout, in a folder or an archive, or what `docker save` writes.

Formats: https://github.com/opencontainers/image-spec (image-layout.md, image-index.md, manifest.md, config.md) and
https://github.com/moby/docker-image-spec. Everything is looked at before anything is kept: that each part is what its
digest says, that the image is for this machine's processor, and that it has a name by which pods can ask for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sandbox.clusters.images.oci import ARCHITECTURE, CONFIG, LAYER, MANIFEST, descriptor
from sandbox.clusters.images.parts import DamageError, NoArchiveError, open_parts
from sandbox.clusters.images.references import NoReferenceError, full_name, has_tag
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sandbox.clusters.images.parts import Part, Parts

PLATFORM: Final = f"linux/{ARCHITECTURE}"
"""What the nodes run."""
_NAMES: Final = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
"""Annotations with an image's name; the second may have a tag alone."""


class ImageError(SandboxError):
    """An image of the user's cannot be used."""


class _UnfitError(Exception):
    """An archive is whole, and of no use here."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


class _Platform(BaseModel):
    os: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


class _Descriptor(BaseModel):
    digest: str
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None

    @property
    def name(self) -> str | None:
        """The name of an image in a layout's index."""
        given = self.annotations or {}
        return next((given[key] for key in _NAMES if given.get(key)), None)


class _Index(BaseModel):
    manifests: list[_Descriptor]


class _Manifest(BaseModel):
    config: _Descriptor
    layers: list[_Descriptor]


class _FileSystem(BaseModel):
    diff_ids: list[str]


class _Config(BaseModel):
    os: str = ""
    architecture: str = ""
    rootfs: _FileSystem | None = None


class _Saved(BaseModel):
    """An image in the manifest.json of `docker save`."""

    config: str = Field(alias="Config")
    tags: list[str] | None = Field(alias="RepoTags", default=None)
    layers: list[str] = Field(alias="Layers")


_SAVED: Final = TypeAdapter(list[_Saved])


@dataclass(frozen=True, kw_only=True)
class OwnImage:
    """An image of the user's that is whole, and for this machine's processor."""

    name: str
    """In full, as a node's containerd has it: "docker.io/library/app:1"."""
    manifest: bytes
    blobs: Mapping[str, Path]
    """The files of its configuration and its layers, by digest."""


def read_images(source: Path, *, scratch: Path, called: str | None = None) -> list[OwnImage]:
    """The images of an archive or a folder.

    `called` is the full name of the only image; otherwise each has that from the archive. `scratch` is an existing
    folder for what is unpacked, and has to stay for as long as the images are used. Raises ImageError if there is none,
    or one that cannot be used.
    """
    try:
        parts = open_parts(source, scratch=scratch)
        return [_whole(parts, name, manifest) for name, manifest in _named(source, list(_found(parts)), called)]
    except NoArchiveError as error:
        raise _refusal(source, str(error), "Save an image: `docker save --output FILE NAME:TAG`") from error
    except DamageError as error:
        raise _refusal(source, f"it is damaged: {error}", "Save it again, and copy it whole") from error
    except ValidationError as error:
        why = f"it is damaged: {error.title.lstrip('_')} of an image has no valid {_place(error)}"
        raise _refusal(source, why, "Save it again, and copy it whole") from error
    except _UnfitError as error:
        raise _refusal(source, error.why, error.remedy) from error
    except OSError as error:
        why = f"{error.filename or scratch}: {error.strerror or error}"
        raise _refusal(source, why, "Make it readable, and give the cache room for it") from error


def _refusal(source: Path, why: str, remedy: str) -> ImageError:
    return ImageError(what=f"{source} cannot be loaded", why=why, remedy=remedy)


def _place(error: ValidationError) -> str:
    return ".".join(str(part) for part in error.errors()[0]["loc"]) or "content"


def _found(parts: Parts) -> Iterator[tuple[str | None, bytes]]:
    """Name, as far as it has one, and manifest of every image."""
    # What Docker writes since its release 25 is both, and containerd too reads that as an OCI layout.
    if "oci-layout" in parts.files and "index.json" in parts.files:
        entries = _Index.model_validate_json(parts.files["index.json"].read()).manifests
        usable = {entry.name for entry in entries if _platform(parts, entry) == PLATFORM}
        for entry in entries:
            # An index may have one image for several processors without an index of its own.
            if entry.name not in usable or _platform(parts, entry) == PLATFORM:
                yield entry.name, _manifest(parts, entry)
    elif "manifest.json" in parts.files:
        for saved in _SAVED.validate_json(parts.files["manifest.json"].read()):
            manifest = _manifest_of(parts, saved)
            names: list[str | None] = [*(saved.tags or [])]
            yield from ((name, manifest) for name in names or [None])
    else:
        raise NoArchiveError("it has neither an OCI layout's index.json nor the manifest.json of `docker save`")


def _manifest(parts: Parts, entry: _Descriptor) -> bytes:
    """The manifest for this machine's processor."""
    content = parts.blob(entry.digest).read()
    if (children := _children(content)) is None:
        return content
    for child in children:
        if _platform(parts, child) == PLATFORM:
            return _manifest(parts, child)
    raise _foreign(_platform(parts, child) for child in children)


def _children(content: bytes) -> list[_Descriptor] | None:
    """What an index has; None for what is none."""
    try:
        return _Index.model_validate_json(content).manifests
    except ValidationError:
        return None


def _platform(parts: Parts, entry: _Descriptor) -> str:
    """What an image is for; of an index, this machine's if that is among others."""
    if entry.platform is not None:
        return str(entry.platform)
    content = parts.blob(entry.digest).read()
    if (children := _children(content)) is not None:
        platforms = [_platform(parts, child) for child in children]
        return PLATFORM if PLATFORM in platforms else " and ".join(platforms)
    config = parts.blob(_Manifest.model_validate_json(content).config.digest)
    described = _Config.model_validate_json(config.read())
    return f"{described.os}/{described.architecture}"


def _foreign(platforms: Iterable[str]) -> _UnfitError:
    # Attestations, which are in an index beside the images that they speak of, call themselves unknown.
    theirs = sorted(set(platforms) - {"unknown/unknown"})
    return _UnfitError(
        f"it is for {' and '.join(theirs) or 'no processor'}, and the nodes on this machine are {PLATFORM}",
        f"Build it for them: `docker build --platform {PLATFORM}`",
    )


def _manifest_of(parts: Parts, saved: _Saved) -> bytes:
    """The manifest that `docker save` leaves out: of the configuration, and the layers in their order."""
    config, layers = parts.file(saved.config), [parts.file(layer) for layer in saved.layers]
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config.digest, config.size),
        "layers": [
            descriptor(f"{LAYER}+gzip" if layer.gzipped else LAYER, layer.digest, layer.size) for layer in layers
        ],
    }
    return json.dumps(document, sort_keys=True).encode()


def _named(source: Path, found: list[tuple[str | None, bytes]], called: str | None) -> Iterator[tuple[str, bytes]]:
    """Every image by its name in full."""
    manifests = {manifest for _, manifest in found}
    if not found:
        raise NoArchiveError("there is no image in it")
    if called is not None and len(manifests) > 1:
        raise _UnfitError(f"it has {len(manifests)} images, which cannot all be {called}", "Leave out --as")
    if called is not None:
        yield called, manifests.pop()
        return
    for name, manifest in found:
        # A layout may say the tag alone, or nothing, if whoever wrote it was not asked for more.
        if name is None or not has_tag(name):
            why = f"{name!r} is no name with a tag" if name else "its image has no name"
            raise _UnfitError(why, f"Give it one: `images load {source} --as NAME:TAG`")
        try:
            yield full_name(name), manifest
        except NoReferenceError as error:
            raise _UnfitError(str(error), f"Give it another: `images load {source} --as NAME:TAG`") from error


def _whole(parts: Parts, name: str, manifest: bytes) -> OwnImage:
    """An image, once all of it has been looked at."""
    document = _Manifest.model_validate_json(manifest)
    config = parts.blob(document.config.digest)
    described = _Config.model_validate_json(config.read())
    if described.rootfs is None:
        raise NoArchiveError(f"{name} in it is no container image, but something else in an image's form")
    if (platform := f"{described.os}/{described.architecture}") != PLATFORM:
        raise _foreign([platform])
    layers = [parts.blob(layer.digest) for layer in document.layers]
    _check_layers(layers, described.rootfs.diff_ids)
    return OwnImage(name=name, manifest=manifest, blobs={part.digest: part.path for part in (config, *layers)})


def _check_layers(layers: list[Part], contents: list[str]) -> None:
    """See that layers have what the configuration says, as containerd does when it unpacks them."""
    if len(layers) != len(contents):
        raise DamageError(f"it has {len(layers)} layers where its configuration has {len(contents)}")
    for layer, digest in zip(layers, contents, strict=True):
        # Python 3.11 cannot read Zstandard: such a layer is known by its own digest alone.
        if layer.content_digest() not in (digest, None):
            raise DamageError(f"the layer {layer.digest} has not the content that its configuration names")
