"""What lies elsewhere on another distribution is found there, and what is missing has that distribution's name."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.host import distribution, preflight
from sandbox.clusters.host.preflight import UnfitError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("manager", "line"), [("dnf", "dnf install busybox catatonit"), ("pacman", "pacman -S busybox catatonit")]
)
def test_without_apt_the_packages_have_the_names_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch, manager: str, line: str
) -> None:
    there = lambda name, **_settings: f"/usr/bin/{name}" if name == manager else None  # noqa: E731  # one line of a system
    monkeypatch.setattr(shutil, "which", there)
    monkeypatch.setattr(distribution, "authorities", lambda: SimpleNamespace(is_file=lambda: True))
    monkeypatch.setattr(preflight, "has", lambda part: part not in ("busybox", "catatonit"))
    with pytest.raises(UnfitError, match=rf"busybox-static, catatonit .* has no apt-get .*Run `{line}` as root"):
        preflight.install_packages()


def test_a_system_with_neither_is_left_to_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name, **_settings: None)
    assert distribution.how_to_install(["runc"]) == "Install them with this system's package manager"


def test_cni_plugins_are_found_where_all_of_them_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    half, whole = tmp_path / "half", tmp_path / "whole"
    for folder, names in ((half, ("ptp",)), (whole, ("ptp", "host-local", "portmap"))):
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    monkeypatch.setattr(distribution, "_CNI", (tmp_path / "none", half, whole))
    assert distribution.cni_plugins() == whole
    assert distribution.has("the CNI plugins")
    monkeypatch.setattr(distribution, "_CNI", (half, tmp_path / "none"))
    assert not distribution.has("the CNI plugins")


def test_extensions_and_authorities_are_found_where_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "xtables").mkdir()
    (tmp_path / "bundle.crt").touch()
    monkeypatch.setattr(distribution, "_XTABLES", (tmp_path / "none", tmp_path / "xtables"))
    monkeypatch.setattr(distribution, "_AUTHORITIES", (tmp_path / "none", tmp_path / "bundle.crt"))
    assert distribution.iptables_extensions() == tmp_path / "xtables"
    assert distribution.authorities() == tmp_path / "bundle.crt"
