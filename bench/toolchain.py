"""What it costs to build tools on empty caches: `python -m bench.toolchain [TOOL...]`, by default those of `make up`.

Everything is compiled anew: the toolchain's cache and Go's build cache are empty folders that are gone afterwards. The
Go modules themselves come from Go's module cache where it has them, since the speed of a network says nothing about us.
Prints a Markdown table with a row for each module, in the order of the table of tools: how many packages are compiled,
those of Go's own library with the first, and the processor time, by which a build on a busy machine can be compared.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.local.stages import FLEET_TOOLS
from sandbox.toolchain.cache import Cache
from sandbox.toolchain.process import run
from sandbox.toolchain.resolver import Toolchain
from sandbox.toolchain.tools import find_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.toolchain.kinds import Tool
    from sandbox.toolchain.progress import Step


class _Counting:
    """Counts the packages that Go compiles."""

    def __init__(self) -> None:
        self.packages = 0

    @contextlib.contextmanager
    def step(self, step: Step) -> Iterator[_Counting]:
        print(step, file=sys.stderr)
        yield self

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)

    def stage(self, text: str, *, packages: int | None = None) -> None:
        pass

    def advance(self) -> None:
        self.packages += 1


def main(names: list[str]) -> None:
    """Build the tools, module by module, and print what each took."""
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        os.environ["GOCACHE"] = str(Path(folder) / "go-build")
        # Nothing of the user's is to be measured in place of a build.
        os.environ["PATH"] = os.pathsep.join(_folders_without("pulumi"))
        counting = _Counting()
        toolchain = Toolchain(cache=Cache(Path(folder) / "fleet"), runner=run, reporter=counting)
        tools = find_tools(names or FLEET_TOOLS)
        print(f"Go {toolchain.go.version}, {os.cpu_count()} cores\n")
        print("| module | tools | packages | processor seconds | seconds | MiB |")
        print("| --- | --- | ---: | ---: | ---: | ---: |", flush=True)
        for module in dict.fromkeys(tool.module for tool in tools):
            of_module = [tool for tool in tools if tool.module == module]
            print(f"| {module.name} | {_measured(toolchain, of_module, counting)} |", flush=True)


def _measured(toolchain: Toolchain, tools: Sequence[Tool], counting: _Counting) -> str:
    packages, used, started = counting.packages, _processor_seconds(), time.monotonic()
    paths = toolchain.paths(tool.name for tool in tools)
    seconds = time.monotonic() - started
    size = sum(path.stat().st_size for path in paths.values())
    figures = (counting.packages - packages, round(_processor_seconds() - used), round(seconds), round(size / 2**20))
    return " | ".join([", ".join(paths), *map(str, figures)])


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _folders_without(program: str) -> list[str]:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return [folder for folder in folders if not (Path(folder) / program).exists()]


if __name__ == "__main__":
    main(sys.argv[1:])
