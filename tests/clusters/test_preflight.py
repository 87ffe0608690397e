"""Refusals: one sentence that says what is wrong and what to do."""

from __future__ import annotations

import os
import shutil
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.clusters.host import distribution, preflight
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.preflight import UnfitError
from sandbox.clusters.host.processes import remember
from sandbox.clusters.host.subprocesses import CommandError

if TYPE_CHECKING:
    from pathlib import Path


def test_without_root_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["sandbox", "up", "--name", "local"])
    with pytest.raises(UnfitError, match=r"Run it as root: \S+ -m sandbox\.privileges \S+ -m sandbox up --name local"):
        preflight.check_root()


def test_too_little_disk_space_is_told_with_both_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=2**30))
    there = tmp_path / "not" / "there" / "yet"
    with pytest.raises(UnfitError, match=r"for a sandbox.*1\.0 GiB left and 3 GiB are needed.*FLEET_STATE_HOME"):
        preflight.check_disk({there: 3 * 2**30}, preflight.SANDBOX)


def test_what_is_built_and_what_runs_on_one_disk_is_one_sum(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=19 * 2**30))
    wanted = {tmp_path / "state": preflight.FLEET.disk_bytes, tmp_path / "cache": preflight.BUILDING_BYTES}
    with pytest.raises(UnfitError, match=r"for a fleet.*19\.0 GiB left and 20 GiB are needed"):
        preflight.check_disk(wanted, preflight.FLEET)
    del wanted[tmp_path / "cache"]
    preflight.check_disk(wanted, preflight.FLEET)


def test_too_little_memory_is_told_with_both_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    for need, size in ((preflight.SANDBOX, 2), (preflight.FLEET, 6)):
        with pytest.raises(UnfitError, match=rf"for {need.text}: 1\.0 GiB are available and {size} GiB are needed"):
            preflight.check_memory(need)


def test_a_sandbox_that_runs_has_its_room_already(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=2**30))
    layout = Layout("runs")
    with pytest.raises(UnfitError, match="too little memory"):
        preflight.check_room(layout, preflight.FLEET, {})
    remember(layout.daemon, pid=os.getpid(), fingerprint="", restarts=0)
    preflight.check_room(layout, preflight.FLEET, {})
    with pytest.raises(UnfitError, match="too little disk"):
        preflight.check_room(layout, preflight.FLEET, {tmp_path: 2 * 2**30})


def test_a_processor_without_envoy_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="riscv64"))
    with pytest.raises(UnfitError, match="processor is riscv64, and Envoy is published for x86_64 and aarch64 alone"):
        preflight.check_processor()


def test_missing_kernel_features_are_named_all_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*command: str, **_settings: object) -> str:
        if "bridge" in command or "nft" in command:
            raise CommandError(command, "Operation not supported")
        if "overlay" in command:
            raise CommandError(command, "mount: unknown filesystem type 'overlay'.")
        return ""

    monkeypatch.setattr(preflight, "run", refuse)
    with pytest.raises(UnfitError) as caught:
        preflight.check_kernel(tmp_path / "state")
    assert f"overlay mounts on {tmp_path} (CONFIG_OVERLAY_FS; mount: unknown" in str(caught.value)
    assert list(tmp_path.iterdir()) == [], "what was tried leaves nothing"
    for option in ("CONFIG_BRIDGE", "CONFIG_NFT_NAT", "CONFIG_NFT_CT"):
        assert option in str(caught.value)
    assert "CONFIG_VETH" not in str(caught.value)


def test_packages_that_cannot_be_installed_come_with_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*command: str, **_settings: object) -> str:
        raise CommandError(command, "E: Unable to fetch")

    monkeypatch.setattr(preflight, "has", lambda part: part != "runc")
    monkeypatch.setattr(shutil, "which", lambda name, **_settings: f"/usr/bin/{name}")
    monkeypatch.setattr(preflight, "run", fail)
    with pytest.raises(UnfitError, match="Run `apt-get install --yes --no-install-recommends runc` as root"):
        preflight.install_packages()


def test_nothing_is_installed_where_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*command: str, **_settings: object) -> str:
        raise AssertionError(command)

    monkeypatch.setattr(preflight, "has", lambda _part: True)
    monkeypatch.setattr(preflight, "run", fail)
    preflight.install_packages()


def test_a_service_that_came_with_a_package_is_switched_off_and_one_that_was_there_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    there: set[str] = {"systemctl", *distribution.PACKAGES} - {"haproxy"}
    monkeypatch.setattr(preflight, "run", lambda *command, **_settings: said.append(" ".join(command)))
    monkeypatch.setattr(preflight, "has", lambda part: part in there)
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
