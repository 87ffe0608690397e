"""The files of a Go module as its authors published them: charts and templates that go with a tool built from it."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.privileges import environment, invoker
from sandbox.toolchain.errors import ModuleUnavailableError
from sandbox.toolchain.fetching import fetch_module
from sandbox.toolchain.kinds import MODULES_FOLDER
from sandbox.toolchain.process import Command, run
from sandbox.toolchain.resolver import default_toolchain


@functools.cache
def module_folder(name: str, path: str) -> Path:
    """The folder with a module's files, read-only and in exactly the version that the tools are built from.

    Args:
        name: a folder of sandbox/toolchain/modules, whose lock has the version: "istio".
        path: the Go module: "istio.io/istio".

    Raises:
        ModuleUnavailableError: it cannot be fetched, or differs from the lock.

    """
    if invoker() is None:
        return fetch_module(run, default_toolchain().go, MODULES_FOLDER / name, path)
    # Go's caches, and a Go that has to be fetched first, are theirs who asked for root.
    line = [sys.executable, "-m", "sandbox.toolchain.sources", name, path]
    command = Command(arguments=line, environment=environment(), folder=Path.cwd())
    done = run(command, lambda told: print(told, file=sys.stderr))
    if done.exit_code != 0:
        raise ModuleUnavailableError(
            what=f"The module {path} cannot be fetched", why="the reason is above", remedy="Mend that and run again"
        )
    return Path(done.stdout)


def _main(name: str, path: str) -> None:
    try:
        sys.stdout.write(str(module_folder(name, path)))
    except SandboxError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
