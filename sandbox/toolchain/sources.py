"""The files of a Go module as its authors published them: charts and templates that go with a tool built from it."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

from sandbox.toolchain.errors import ModuleUnavailableError
from sandbox.toolchain.process import Command, go_environment, run
from sandbox.toolchain.resolver import default_toolchain
from sandbox.toolchain.tools import MODULES_FOLDER


@functools.cache
def module_folder(name: str, path: str) -> Path:
    """The folder with a module's files, read-only and in exactly the version that the tools are built from.

    Args:
        name: a folder of sandbox/toolchain/modules, whose lock has the version: "istio".
        path: the Go module: "istio.io/istio".

    Raises:
        ModuleUnavailableError: it cannot be fetched, or differs from the lock.

    """
    command = Command(
        arguments=[str(default_toolchain().go.executable), "mod", "download", "-json", path],
        environment=go_environment(os.environ),
        folder=MODULES_FOLDER / name,
    )
    finished = run(command)
    # `go help mod download`: what fails is told in the same JSON.
    answer = json.loads(finished.stdout or "{}")
    if finished.exit_code != 0 or "Dir" not in answer:
        raise ModuleUnavailableError(
            what=f"The module {path} cannot be fetched",
            why=f"Go says\n{answer.get('Error') or finished.stderr.strip()}\n",
            remedy="Check that a Go module proxy can be reached (go env GOPROXY) and run again",
        )
    return Path(answer["Dir"])
