"""Claims about what plugins hold."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import psutil

from bench.plugin_memory import PluginMemory

if TYPE_CHECKING:
    from pathlib import Path


def test_official_plugins_and_stand_ins_are_told_apart_from_what_else_works_on_the_state(tmp_path: Path) -> None:
    official = tmp_path / "resource-kubernetes-v4.25.0" / "pulumi-resource-kubernetes"
    official.parent.mkdir()
    official.symlink_to("/bin/sleep")
    stand_in = ["sh", "-c", "sleep 300; :", "launch.py", "resource-linode"]
    environment = {**os.environ, "PULUMI_BACKEND_URL": (tmp_path / "backend").resolve().as_uri()}
    lines = [[str(official), "300"], stand_in, ["sleep", "300"]]
    started = [subprocess.Popen(line, env=environment) for line in lines]
    started.append(subprocess.Popen(lines[0], env={**environment, "PULUMI_BACKEND_URL": "file:///elsewhere"}))
    memory = PluginMemory(tmp_path)
    try:
        memory.look([psutil.Process(process.pid) for process in started])
    finally:
        for process in started:
            for child in psutil.Process(process.pid).children():
                child.kill()
            process.kill()
            process.wait()
    assert set(memory.peaks) == {"resource-kubernetes", "resource-linode"}
    assert memory.together == memory.peaks.total() > 0
