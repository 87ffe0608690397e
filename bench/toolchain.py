"""How long each tool takes to build on an empty cache: `python -m bench.toolchain [TOOL...]`.

Everything is compiled anew: the toolchain's cache and Go's build cache are empty folders that are gone afterwards. The
modules themselves come from Go's module cache where it has them, since the speed of a network says nothing about us.
Prints a Markdown table; the tools are built in the table's order, so that later ones find what earlier ones compiled.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from sandbox.toolchain.cache import Cache
from sandbox.toolchain.process import run
from sandbox.toolchain.progress import default_reporter
from sandbox.toolchain.resolver import Toolchain
from sandbox.toolchain.tools import TOOLS, find_tools


def main(names: list[str]) -> None:
    """Build the tools and print what each took."""
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        os.environ["GOCACHE"] = str(Path(folder) / "go-build")
        # Nothing of the user's is to be measured in place of a build.
        os.environ["PATH"] = os.pathsep.join(_folders_without("pulumi"))
        toolchain = Toolchain(cache=Cache(Path(folder) / "fleet"), runner=run, reporter=default_reporter())
        tools = find_tools(names or TOOLS)
        toolchain.paths(tool.name for tool in tools)
        print(f"Go {toolchain.go.version}, {os.cpu_count()} cores\n")
        print("| tool | version | seconds | MiB |\n| --- | --- | ---: | ---: |")
        for tool in tools:
            record = toolchain.standing(tool).record
            if record is not None:
                print(f"| {tool.name} | {record.version} | {record.build_seconds:.0f} | {record.size / 2**20:.0f} |")


def _folders_without(program: str) -> list[str]:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return [folder for folder in folders if not (Path(folder) / program).exists()]


if __name__ == "__main__":
    main(sys.argv[1:])
