"""A user's own images: what is read, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.images.archives import ImageError, read_images
from sandbox.clusters.images.library import Library
from sandbox.clusters.images.table import IMAGES
from tests.clusters.own import (
    FOREIGN,
    OCI,
    Files,
    Sample,
    blob,
    described,
    digest,
    layout,
    named,
    oci,
    saved,
    several,
    tar,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = Sample()
APP = "docker.io/library/app:1"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "cache/fleet/own-images/local")


def contents(library: Library) -> dict[str, bytes]:
    """What is in the library's folder, but for its lock."""
    paths = (path for path in library.folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.name: path.read_bytes() for path in paths}


def refusal(library: Library, source: Path, *, called: str | None = None) -> str:
    """What a user reads whose archive is refused, once the library is seen to be as it was."""
    library.add(write(source.with_name("earlier.tar"), oci(Sample(content=b"earlier"), "docker.io/library/earlier:1")))
    before = contents(library)
    with pytest.raises(ImageError) as refused:
        library.add(source, called=called)
    assert contents(library) == before, "what is refused must change nothing"
    sentence = str(refused.value)
    assert sentence.startswith(f"{source} cannot be loaded: ")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("name", ["app.tar", "app.tar.gz"])
@pytest.mark.parametrize("files", [oci(SAMPLE), saved(SAMPLE, "app:1")], ids=["layout", "docker save"])
def test_both_formats_are_read_compressed_or_not(library: Library, tmp_path: Path, files: Files, name: str) -> None:
    [image] = library.add(write(tmp_path / name, files)).added
    assert image.name == APP
    assert image.config == digest(SAMPLE.config)
    assert [kept.name for kept in library.images()] == [APP]


def test_what_is_kept_is_a_whole_layout_with_the_digest_that_the_image_came_with(
    library: Library, tmp_path: Path
) -> None:
    [image] = library.add(write(tmp_path / "app.tar", oci(SAMPLE))).added
    assert image.digest == digest(SAMPLE.manifest)
    scratch = tmp_path / "again"
    scratch.mkdir()
    [again] = read_images(image.archive, scratch=scratch)
    assert (again.name, again.manifest) == (APP, SAMPLE.manifest)
    assert {path.read_bytes() for path in again.blobs.values()} == {SAMPLE.config, *SAMPLE.layers}


def test_a_folder_with_a_layout_is_read_too(library: Library, tmp_path: Path) -> None:
    for name, content in oci(SAMPLE).items():
        path = tmp_path / "layout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert [image.name for image in library.add(tmp_path / "layout").added] == [APP]


def test_of_several_processors_this_machine_s_is_taken(library: Library, tmp_path: Path) -> None:
    entry, blobs = several(Sample(architecture=FOREIGN), SAMPLE)
    [image] = library.add(write(tmp_path / "app.tar", layout([named(entry, APP)], blobs))).added
    assert image.digest == digest(SAMPLE.manifest)


def test_blobs_of_other_processors_may_be_left_out(library: Library, tmp_path: Path) -> None:
    foreign = Sample(architecture=FOREIGN)
    entry, blobs = several(foreign, SAMPLE)
    rest = {name: content for name, content in blobs.items() if name not in foreign.blobs}
    assert library.add(write(tmp_path / "app.tar", layout([named(entry, APP)], rest | SAMPLE.blobs))).added


def test_one_name_for_several_processors_needs_no_index_of_its_own(library: Library, tmp_path: Path) -> None:
    foreign = Sample(architecture=FOREIGN)
    entries = [named(foreign.entry, APP), named(SAMPLE.entry, APP)]
    [image] = library.add(write(tmp_path / "app.tar", layout(entries, foreign.blobs, SAMPLE.blobs))).added
    assert image.digest == digest(SAMPLE.manifest)


def test_a_layer_that_docker_wrote_as_a_link_is_found(library: Library, tmp_path: Path) -> None:
    files = saved(SAMPLE, "app:1")
    layer = files.pop("0/layer.tar")
    source = tmp_path / "app.tar"
    source.write_bytes(tar({"first/layer.tar": layer, **files}, links={"0/layer.tar": "../first/layer.tar"}))
    assert library.add(source).added


def test_an_image_with_several_tags_has_all_of_them(library: Library, tmp_path: Path) -> None:
    added = library.add(write(tmp_path / "app.tar", saved(SAMPLE, "app:1", "registry.example.com/team/app:2"))).added
    assert [image.name for image in added] == [APP, "registry.example.com/team/app:2"]


def test_an_image_that_is_loaded_again_replaces_the_one_of_its_name(library: Library, tmp_path: Path) -> None:
    [before] = library.add(write(tmp_path / "app.tar", oci(SAMPLE))).added
    change = library.add(write(tmp_path / "app.tar", oci(Sample(content=b"changed"))))
    assert [image.config for image in change.replaced] == [before.config]
    assert [image.digest for image in library.images()] == [digest(Sample(content=b"changed").manifest)]


def test_an_image_that_is_removed_is_gone_and_no_other(library: Library, tmp_path: Path) -> None:
    library.add(write(tmp_path / "app.tar", saved(SAMPLE, "app:1", "app:2")))
    library.remove(library.find(APP))
    assert [image.name for image in library.images()] == ["docker.io/library/app:2"]
    with pytest.raises(ImageError, match="no image of yours is called that"):
        library.find(APP)


def test_the_sandbox_s_own_images_can_be_neither_removed_nor_replaced(library: Library, tmp_path: Path) -> None:
    name = IMAGES[0].name
    with pytest.raises(ImageError, match="it is the sandbox's own"):
        library.find(name)
    assert f"{name} is an image of the sandbox's own" in refusal(library, write(tmp_path / "a.tar", oci(SAMPLE, name)))


@pytest.mark.parametrize("name", ["app.tar", "app.tar.gz"])
@pytest.mark.parametrize("files", [oci(SAMPLE), saved(SAMPLE, "app:1")], ids=["layout", "docker save"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
def test_an_archive_that_was_cut_off_is_refused(
    library: Library, tmp_path: Path, files: Files, name: str, part: float
) -> None:
    source = write(tmp_path / name, files)
    whole = source.read_bytes().rstrip(b"\0")  # a tar's last blocks are empty, and need not be there
    source.write_bytes(whole[: int(len(whole) * part)])
    sentence = refusal(library, source)
    assert "it is damaged: " in sentence or "neither" in sentence


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("files", [oci(SAMPLE), saved(SAMPLE, "app:1")], ids=["layout", "docker save"])
def test_a_layer_of_which_a_byte_changed_is_refused(library: Library, tmp_path: Path, files: Files, layer: int) -> None:
    content = SAMPLE.layers[layer]
    changed = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    swapped = {name: changed if value == content else value for name, value in files.items()}
    assert "it is damaged: " in refusal(library, write(tmp_path / "app.tar", swapped))


@pytest.mark.parametrize("missing", [SAMPLE.config, SAMPLE.manifest, *SAMPLE.layers])
def test_a_part_that_is_missing_is_named(library: Library, tmp_path: Path, missing: bytes) -> None:
    files = {name: content for name, content in oci(SAMPLE).items() if content != missing}
    assert f"it is damaged: {digest(missing)} is missing" in refusal(library, write(tmp_path / "app.tar", files))


def test_a_layer_too_few_is_refused(library: Library, tmp_path: Path) -> None:
    document = json.loads(SAMPLE.manifest)
    manifest = json.dumps({**document, "layers": document["layers"][:1]}).encode()
    entry = described(f"{OCI}.manifest.v1+json", manifest)
    source = write(tmp_path / "app.tar", layout([named(entry, APP)], SAMPLE.blobs, {blob(manifest): manifest}))
    assert "it has 1 layers where its configuration has 2" in refusal(library, source)


@pytest.mark.parametrize(
    "index", [b"", b"{", b"[]", b'{"manifests": [{}]}', b'{"manifests": [{"digest": 1}]}', b"\xff\xfe"]
)
def test_an_index_that_makes_no_sense_is_refused(library: Library, tmp_path: Path, index: bytes) -> None:
    source = write(tmp_path / "app.tar", {**oci(SAMPLE), "index.json": index})
    assert "it is damaged: " in refusal(library, source)


@pytest.mark.parametrize(
    "files",
    [
        oci(Sample(architecture=FOREIGN)),
        saved(Sample(architecture=FOREIGN), "app:1"),
        layout([named(several(Sample(architecture=FOREIGN))[0], APP)], several(Sample(architecture=FOREIGN))[1]),
        # It says one processor outside, and another inside.
        layout(
            [named({**Sample(architecture=FOREIGN).entry, "platform": SAMPLE.entry["platform"]}, APP)],
            Sample(architecture=FOREIGN).blobs,
        ),
    ],
    ids=["layout", "docker save", "index", "wrong label"],
)
def test_another_processor_s_image_is_refused(library: Library, tmp_path: Path, files: Files) -> None:
    sentence = refusal(library, write(tmp_path / "app.tar", files))
    assert f"it is for linux/{FOREIGN}, and the nodes on this machine are linux/" in sentence


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (saved(SAMPLE), "its image has no name"),
        (layout([SAMPLE.entry], SAMPLE.blobs), "its image has no name"),
        (oci(SAMPLE, "docker.io/library/app"), "'docker.io/library/app' is no name with a tag"),
        (oci(SAMPLE, "registry.example.com:5000/app"), "'registry.example.com:5000/app' is no name with a tag"),
        (
            layout([named(SAMPLE.entry, "latest", key="org.opencontainers.image.ref.name")], SAMPLE.blobs),
            "'latest' is no name with a tag",
        ),
    ],
    ids=["docker save", "layout", "no tag", "port", "tag alone"],
)
def test_a_name_without_a_tag_is_refused_until_it_is_given_one(
    library: Library, tmp_path: Path, files: Files, why: str
) -> None:
    source = write(tmp_path / "app.tar", files)
    sentence = refusal(library, source)
    assert why in sentence
    assert f"images load {source} --as NAME:TAG" in sentence
    assert [image.name for image in library.add(source, called="docker.io/team/app:1").added] == [
        "docker.io/team/app:1"
    ]


def test_one_name_cannot_be_given_to_two_images(library: Library, tmp_path: Path) -> None:
    other = Sample(content=b"other")
    entries = [named(SAMPLE.entry, APP), named(other.entry, "docker.io/library/other:1")]
    source = write(tmp_path / "both.tar", layout(entries, SAMPLE.blobs, other.blobs))
    assert "it has 2 images, which cannot all be" in refusal(library, source, called="docker.io/library/one:1")


def test_an_archive_is_kept_whole_or_not_at_all(library: Library, tmp_path: Path) -> None:
    foreign = Sample(architecture=FOREIGN)
    entries = [named(SAMPLE.entry, APP), named(foreign.entry, "docker.io/library/other:1")]
    source = write(tmp_path / "both.tar", layout(entries, SAMPLE.blobs, foreign.blobs))
    assert f"linux/{FOREIGN}" in refusal(library, source)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not a tar at all" * 100, "it is neither a .tar nor a .tar.gz file"),
        (b"", "it is neither a .tar nor a .tar.gz file"),
        (tar({"etc/passwd": b"root"}), "it has neither an OCI layout's index.json nor the manifest.json"),
        (tar(layout([])), "there is no image in it"),
    ],
    ids=["text", "empty", "file system", "no image"],
)
def test_what_is_no_image_is_refused(library: Library, tmp_path: Path, content: bytes, why: str) -> None:
    source = tmp_path / "app.tar"
    source.write_bytes(content)
    assert why in refusal(library, source)


def test_what_has_an_image_s_form_alone_is_refused(library: Library, tmp_path: Path) -> None:
    config = b'{"name": "chart"}'
    manifest = json.dumps({"config": described("application/vnd.cncf.helm.config.v1+json", config), "layers": []})
    entry = described(f"{OCI}.manifest.v1+json", manifest.encode())
    blobs = {blob(content): content for content in (config, manifest.encode())}
    source = write(tmp_path / "chart.tar", layout([named(entry, APP)], blobs))
    assert "is no container image" in refusal(library, source)


def test_a_file_that_is_not_there_is_refused(library: Library, tmp_path: Path) -> None:
    assert "there is no such file" in refusal(library, tmp_path / "app.tar")


def test_a_kept_image_that_was_damaged_since_is_told(library: Library, tmp_path: Path) -> None:
    [image] = library.add(write(tmp_path / "app.tar", oci(SAMPLE))).added
    image.archive.write_bytes(image.archive.read_bytes()[:700])
    with pytest.raises(ImageError, match="Remove that file, and load the image again"):
        library.images()
