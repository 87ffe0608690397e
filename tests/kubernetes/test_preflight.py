"""Refusals: one sentence that says what is wrong and what to do."""

from __future__ import annotations

import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.kubernetes import preflight
from sandbox.kubernetes.commands import CommandError
from sandbox.kubernetes.preflight import UnfitError

if TYPE_CHECKING:
    from pathlib import Path


def test_without_root_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnfitError, match=r"sudo --preserve-env=HOME,\S+ .* -m sandbox"):
        preflight.check_root()


def test_too_little_disk_space_is_told_with_both_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=2**30))
    with pytest.raises(UnfitError, match=r"1\.0 GiB left and 3 GiB are needed.*FLEET_STATE_HOME"):
        preflight.check_disk(tmp_path / "not" / "there" / "yet")


def test_too_little_memory_is_told_with_both_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    with pytest.raises(UnfitError, match=r"1\.0 GiB are available and 2 GiB are needed"):
        preflight.check_memory()


def test_missing_kernel_features_are_named_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*command: str, **_settings: object) -> str:
        if "bridge" in command or "nft" in command:
            raise CommandError(command, "Operation not supported")
        return ""

    monkeypatch.setattr(preflight, "run", refuse)
    with pytest.raises(UnfitError) as caught:
        preflight.check_kernel()
    for option in ("CONFIG_BRIDGE", "CONFIG_NFT_NAT", "CONFIG_NFT_CT"):
        assert option in str(caught.value)
    assert "CONFIG_VETH" not in str(caught.value)


def test_packages_that_cannot_be_installed_come_with_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*command: str, **_settings: object) -> str:
        raise CommandError(command, "E: Unable to fetch")

    monkeypatch.setattr(preflight, "is_there", lambda program: program != "runc")
    monkeypatch.setattr(shutil, "which", lambda name, **_settings: f"/usr/bin/{name}")
    monkeypatch.setattr(preflight, "run", fail)
    with pytest.raises(UnfitError, match="Run `apt-get install --yes --no-install-recommends runc` as root"):
        preflight.install_packages()


def test_nothing_is_installed_where_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*command: str, **_settings: object) -> str:
        raise AssertionError(command)

    monkeypatch.setattr(preflight, "is_there", lambda _program: True)
    monkeypatch.setattr(preflight, "run", fail)
    preflight.install_packages()


def test_a_service_that_came_with_a_package_is_switched_off_and_one_that_was_there_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    there: set[str] = {"systemctl", *preflight.PACKAGES} - {"haproxy"}
    monkeypatch.setattr(preflight, "run", lambda *command, **_settings: said.append(" ".join(command)))
    monkeypatch.setattr(preflight, "is_there", lambda program: program in there)
    monkeypatch.setattr(shutil, "which", lambda name, **_settings: f"/usr/bin/{name}")
    preflight.install_packages()
    assert said[1:] == [
        "apt-get install --yes --no-install-recommends haproxy",
        "systemctl disable haproxy.service",
        "systemctl stop haproxy.service",
    ]
    said.clear()
    there = there | {"haproxy"}
    preflight.install_packages()
    assert said == []
