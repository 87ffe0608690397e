"""The store of images, which is named by what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.clusters.images import store
from sandbox.clusters.images.model import HostFile, Image, Layer, Link
from sandbox.clusters.images.store import ImageStore


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
