"""The store of images, which is named by what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.clusters.host.provisions import Provisions
from sandbox.clusters.images import store
from sandbox.clusters.images.model import HostFile, Image, Layer, Link
from sandbox.clusters.images.store import ImageStore
from sandbox.local.lifecycle import stores_in_use


@pytest.fixture(autouse=True)
def _no_containerd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "tool_path", lambda name: Path("/tools", name))


def folder(cache: Path, *layers: Layer) -> Path:
    """Where the store of one image is."""
    return ImageStore(images=[Image(name="docker.io/library/one:1", layers=layers)], cache=cache).folder


def program(path: Path, content: bytes, *, mode: int = 0o755) -> HostFile:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return HostFile(path, mode=mode)


def test_checkouts_with_the_same_programs_share_a_store(tmp_path: Path) -> None:
    here, there = (program(tmp_path / checkout / "envoy", b"envoy") for checkout in ("here", "there"))
    assert folder(tmp_path, {"/envoy": here}) == folder(tmp_path, {"/envoy": there})


def test_a_program_that_changes_in_its_place_makes_another_store(tmp_path: Path) -> None:
    before = folder(tmp_path, {"/envoy": program(tmp_path / "envoy", b"envoy 1")})
    assert folder(tmp_path, {"/envoy": program(tmp_path / "envoy", b"envoy 2")}) != before


def test_stores_differ_by_paths_modes_links_and_layers(tmp_path: Path) -> None:
    envoy = program(tmp_path / "envoy", b"envoy")
    layers: list[tuple[Layer, ...]] = [
        ({"/envoy": envoy},),
        ({"/bin/envoy": envoy},),
        ({"/envoy": HostFile(envoy.source, mode=0o644)},),
        ({"/envoy": Link("envoy")},),
        ({"/envoy": envoy, "/alias": Link("envoy")},),
        ({"/envoy": envoy}, {"/alias": Link("envoy")}),
    ]
    assert len({folder(tmp_path, *each) for each in layers}) == len(layers)


def test_a_store_in_which_nodes_of_another_state_folder_begin_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, mine, others = (tmp_path / name for name in ("cache", "mine", "others"))
    made = ImageStore(images=[], cache=cache)
    monkeypatch.setattr(ImageStore, "_import", lambda _self, folder: (folder / "root").mkdir())
    for home, store_of in ((mine, cache / "old"), (others, cache / "theirs")):
        store_of.mkdir(parents=True)
        made.note(home)
        made.note(home)
    Provisions(programs={}, images=str(cache / "theirs")).write(others / "local" / "provisions.json")
    made.make(keep=stores_in_use(made.homes()))
    assert {path for path in cache.iterdir() if path.is_dir()} == {made.folder, cache / "theirs", cache / "homes"}
    assert sorted(made.homes()) == [mine, others], "they are remembered"
