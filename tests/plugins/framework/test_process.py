"""The executables: found where the CLI looks, quick to start, quiet to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.plugins import PLUGINS, install
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plugins import Plugin

STAND_INS = tuple(plugin for plugin in PLUGINS if plugin.tool is None)


@pytest.mark.parametrize("plugin", STAND_INS, ids=lambda plugin: plugin.executable)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_plugin_prints_its_port_and_ends_quietly_at_a_signal(
    plugin: Plugin, number: signal.Signals, plugin_home: Path, tmp_path: Path
) -> None:
    # A project's folder may hold modules with any name; none of them may get into the plugin.
    for name in ("random", "secrets", "sandbox", "grpc"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the project')")
    process = subprocess.Popen(
        [plugin.path(plugin_home), "--logtostderr", "-v=3", "127.0.0.1:1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdecimal()
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, output, errors) == (0, "", "")


ENGINE = """
import subprocess, sys, time
plugin = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE)
plugin.stdout.readline()
print(plugin.pid, flush=True)
time.sleep(300)
"""
"""An engine that takes no connections any more, and has not stopped its plugin yet."""


@pytest.mark.parametrize("plugin", STAND_INS[:2], ids=lambda plugin: plugin.executable)
def test_a_plugin_lives_as_long_as_its_engine_and_no_longer(plugin: Plugin, plugin_home: Path) -> None:
    line = [sys.executable, "-c", ENGINE, str(plugin.path(plugin_home))]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        started = psutil.Process(int(engine.stdout.readline()))
        try:
            with pytest.raises(psutil.TimeoutExpired):
                started.wait(timeout=5)
            engine.kill()
            started.wait(timeout=30)
        finally:
            engine.kill()
            if started.is_running():
                started.kill()


@pytest.mark.parametrize("plugin", STAND_INS, ids=lambda plugin: plugin.executable)
def test_a_plugin_explains_itself(plugin: Plugin, plugin_home: Path) -> None:
    shown = subprocess.run([plugin.path(plugin_home), "--help"], capture_output=True, text=True, check=True).stdout
    assert f"usage: {plugin.executable}" in shown
    assert "The Pulumi engine starts it" in " ".join(shown.split())


def test_installing_again_leaves_what_is_right_and_mends_what_is_not(tmp_path: Path) -> None:
    install(tmp_path)
    first, second = (plugin.path(tmp_path) for plugin in STAND_INS[:2])
    (official,) = (plugin.path(tmp_path) for plugin in PLUGINS if plugin.tool)
    before = first.stat().st_ino, official.lstat().st_ino
    second.write_text("half a scr")
    install(tmp_path)
    assert (first.stat().st_ino, official.lstat().st_ino) == before
    assert second.read_text().startswith("#!/bin/sh\nexec ")
    assert os.access(second, os.X_OK)
    official.unlink()
    official.symlink_to(tmp_path / "an earlier build")
    install(tmp_path)
    assert official.readlink() == tool_path("pulumi-resource-kubernetes")
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {one.executable for one in PLUGINS}


def test_a_folder_with_spaces_is_no_obstacle(tmp_path: Path) -> None:
    home = tmp_path / "with some spaces; and more"
    install(home)
    subprocess.run([STAND_INS[-1].path(home), "--help"], check=True, capture_output=True)


def test_versions_are_those_that_the_sdk_packages_ask_for(plugin_home: Path) -> None:
    # The engine notes beside them when each was last used.
    folders = {folder.name for folder in (plugin_home / "plugins").iterdir() if folder.is_dir()}
    asked_for = {f"{one.kind}-{one.name}-v{one.version}" for one in PLUGINS}
    assert folders == asked_for | {f"{one.kind}-{one.name}-v{before}" for one in PLUGINS for before in one.earlier}


@pytest.mark.engine
def test_the_official_provider_calls_itself_by_the_version_that_the_sdk_asks_for(plugin_home: Path) -> None:
    (official,) = (plugin for plugin in PLUGINS if plugin.tool)
    # An engine's address that nothing listens at: it is called only when there is something to log.
    with subprocess.Popen([official.path(plugin_home), "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                told = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty(), timeout=30)
        finally:
            process.kill()
    assert told.version == official.version
