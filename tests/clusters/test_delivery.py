"""A user's own images on their way to nodes, whose containerd is a script here that notes what it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.clusters import delivery
from sandbox.clusters.delivery import DeliveryError, Runtime, bring_everywhere, take_away_everywhere
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.images import library
from sandbox.clusters.images.library import Change, KeptImage, Library
from tests.clusters.own import Sample, oci, write

if TYPE_CHECKING:
    from pathlib import Path

# What it has is a file of names and digests; an import adds what the file `coming` has.
CTR = """#!/bin/sh
shift 4
echo "$*" >> {folder}/asked
case "$*" in
  "images list") echo REF TYPE DIGEST SIZE PLATFORMS LABELS; cat {folder}/has ;;
  "images import"*) cat {folder}/coming >> {folder}/has ;;
esac
"""
APP = "docker.io/library/app:1"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(library, "CACHE", tmp_path / "cache")
    return Layout("local")


def node(folder: Path, *, coming: KeptImage | None = None) -> Runtime:
    """A node that has nothing yet."""
    folder.mkdir()
    folder.joinpath("has").touch()
    if coming:
        rows = (f"{name} type {coming.digest} size platforms -\n" for name in (coming.name, coming.config))
        folder.joinpath("coming").write_text("".join(rows))
    ctr = folder / "ctr"
    ctr.write_text(CTR.format(folder=folder))
    ctr.chmod(0o755)
    return Runtime(node=folder.name, socket=folder / "socket", ctr=ctr)


def asked(runtime: Runtime, verb: str) -> list[str]:
    """What a node's containerd was asked to import, or to remove."""
    lines = runtime.ctr.with_name("asked").read_text().splitlines()
    return [line.removeprefix(f"images {verb} ") for line in lines if line.startswith(f"images {verb}")]


def kept(layout: Layout, folder: Path, content: bytes = b"hello", name: str = APP) -> KeptImage:
    [image] = Library.of(layout).add(write(folder / "app.tar", oci(Sample(content=content), name))).added
    return image


def on(monkeypatch: pytest.MonkeyPatch, *nodes: Runtime) -> None:
    monkeypatch.setattr(delivery, "runtimes", lambda layout, ctr: list(nodes))


def test_a_node_imports_what_it_lacks_and_nothing_twice(layout: Layout, tmp_path: Path) -> None:
    image = kept(layout, tmp_path)
    runtime = node(tmp_path / "one", coming=image)
    runtime.bring([image])
    runtime.bring([image])
    assert asked(runtime, "import") == [str(image.archive)]


def test_an_image_of_the_same_name_with_other_content_is_imported(layout: Layout, tmp_path: Path) -> None:
    runtime = node(tmp_path / "one", coming=(image := kept(layout, tmp_path)))
    runtime.ctr.with_name("has").write_text(f"{APP} type sha256:other size platforms -\n")
    runtime.bring([image])
    assert asked(runtime, "import") == [str(image.archive)]


def test_what_an_image_replaces_is_taken_away_by_the_name_of_its_configuration(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept(layout, tmp_path)
    after = kept(layout, tmp_path, b"changed")
    on(monkeypatch, runtime := node(tmp_path / "one", coming=after))
    assert bring_everywhere(layout, tmp_path, Change(added=[after], replaced=[before])) == 1
    assert asked(runtime, "remove") == [before.config]


def test_a_configuration_that_another_name_has_stays(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = kept(layout, tmp_path), kept(layout, tmp_path, name="docker.io/library/same:1")
    on(monkeypatch, runtime := node(tmp_path / "one"))
    for image in (first, second):
        Library.of(layout).remove(image)
        take_away_everywhere(layout, tmp_path, image)
    assert asked(runtime, "remove") == [first.name, f"{second.name} {second.config}"]


def test_a_node_that_cannot_have_an_image_is_named_and_the_others_have_it(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = kept(layout, tmp_path)
    full, well = node(tmp_path / "full"), node(tmp_path / "well", coming=image)
    full.ctr.write_text(full.ctr.read_text().replace("cat", "echo no space left on device >&2; exit 1; cat"))
    on(monkeypatch, full, well)
    with pytest.raises(DeliveryError, match=r"Of 2 nodes 1 could not be .*: full: no space left on device") as error:
        bring_everywhere(layout, tmp_path, Change(added=[image], replaced=[]))
    assert "\n" not in str(error.value)
    assert asked(well, "import") == [str(image.archive)]
