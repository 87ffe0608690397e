"""How a plugin's process begins."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from sandbox.plugins import launch

if TYPE_CHECKING:
    from pathlib import Path


def test_byte_code_goes_where_whoever_starts_the_engine_says(tmp_path: Path) -> None:
    script = f"""
import runpy, sys
sys.argv = ["launch.py", "resource-nothing", "1.0.0"]
try:
    runpy.run_path({launch.__file__!r}, run_name="__main__")
except ModuleNotFoundError as error:
    print(error.name, sys.pycache_prefix)
"""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    line = [sys.executable, "-I", "-c", script]
    said = subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["sandbox.plugins.nothing", str(tmp_path)]
