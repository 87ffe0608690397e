"""Images as archives in the OCI layout."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from sandbox.clusters.images.model import Folder, HostFile, Image, Layer, Link, Text
from sandbox.clusters.images.oci import write_archive

if TYPE_CHECKING:
    from pathlib import Path


def archive(tmp_path: Path, *images: Image) -> dict[str, bytes]:
    """The files of an archive of images."""
    target = tmp_path / "images.tar"
    write_archive(images, target, scratch=tmp_path)
    with tarfile.open(target) as tar:
        return {entry.name: _read(tar, entry) for entry in tar}


def _read(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return file.read() if file else b""


def manifests(files: dict[str, bytes]) -> dict[str, Any]:
    """Manifests by image name."""
    index = json.loads(files["index.json"])
    return {
        entry["annotations"]["io.containerd.image.name"]: json.loads(files[_blob(entry["digest"])])
        for entry in index["manifests"]
    }


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def program(tmp_path: Path) -> HostFile:
    path = tmp_path / "program"
    path.write_bytes(b"#!program")
    return HostFile(path)


def test_every_blob_is_what_its_name_says(tmp_path: Path) -> None:
    layer: Layer = {"/bin/program": program(tmp_path), "/bin/alias": Link("program")}
    files = archive(tmp_path, Image(name="docker.io/library/one:1", layers=(layer,)))
    blobs = {name: content for name, content in files.items() if name.startswith("blobs/sha256/")}
    assert len(blobs) == 3, "a layer, a configuration and a manifest"
    for name, content in blobs.items():
        assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def test_a_layer_that_images_share_is_in_the_archive_once(tmp_path: Path) -> None:
    shared: Layer = {"/bin/program": program(tmp_path)}
    names = ("docker.io/library/one:1", "docker.io/library/two:1")
    own: dict[str, Layer] = {name: {"/name": Text(name)} for name in names}
    files = archive(tmp_path, *(Image(name=name, layers=(shared, own[name])) for name in names))
    first, second = (manifests(files)[name]["layers"] for name in names)
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert len([name for name in files if name.startswith("blobs/")]) == 3 + 2 + 2


def test_a_layer_has_the_folders_that_its_files_need_before_them(tmp_path: Path) -> None:
    layer: Layer = {"/usr/local/bin/program": program(tmp_path), "/tmp": Folder(0o1777)}
    files = archive(tmp_path, Image(name="docker.io/library/one:1", layers=(layer,)))
    [manifest] = manifests(files).values()
    with tarfile.open(fileobj=io.BytesIO(files[_blob(manifest["layers"][0]["digest"])])) as tar:
        entries = {entry.name: entry for entry in tar}
    assert list(entries) == ["tmp", "usr", "usr/local", "usr/local/bin", "usr/local/bin/program"]
    assert entries["tmp"].mode == 0o1777
    assert entries["usr/local/bin/program"].mode == 0o755
    assert {entry.mtime for entry in entries.values()} == {0}, "equal images must be equal bytes"


def test_an_image_carries_its_user_entry_point_and_environment(tmp_path: Path) -> None:
    image = Image(
        name="docker.io/library/one:1",
        layers=({"/name": Text("one")},),
        entrypoint=("/program",),
        user="1337:1337",
        environment={"MODE": "sandbox"},
    )
    files = archive(tmp_path, image)
    [manifest] = manifests(files).values()
    config = json.loads(files[_blob(manifest["config"]["digest"])])["config"]
    assert config["Entrypoint"] == ["/program"]
    assert config["User"] == "1337:1337"
    assert "MODE=sandbox" in config["Env"]


def test_equal_images_are_equal_bytes(tmp_path: Path) -> None:
    image = Image(name="docker.io/library/one:1", layers=({"/bin/program": program(tmp_path)},))
    assert archive(tmp_path, image) == archive(tmp_path, image)
