"""Fetching one Go module whole, in the version of a lock."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.toolchain.errors import ModuleUnavailableError
from sandbox.toolchain.process import Command, go_environment

if TYPE_CHECKING:
    from sandbox.toolchain.golang import Go
    from sandbox.toolchain.process import Runner


def fetch_module(runner: Runner, go: Go, folder: Path, path: str) -> Path:
    """The folder with the files of the Go module `path`, read-only, in the version of the go.mod in `folder`.

    Raises ModuleUnavailableError if it cannot be fetched, or differs from the lock.
    """
    command = Command(
        arguments=[str(go.executable), "mod", "download", "-json", path],
        environment=go_environment(os.environ),
        folder=folder,
    )
    finished = runner(command)
    # `go help mod download`: what fails is told in the same JSON.
    answer = json.loads(finished.stdout or "{}")
    if finished.exit_code != 0 or "Dir" not in answer:
        raise ModuleUnavailableError(
            what=f"The module {path} cannot be fetched",
            why=f"Go says\n{answer.get('Error') or finished.stderr.strip()}\n",
            remedy="Check that a Go module proxy can be reached (go env GOPROXY) and run again",
        )
    return Path(answer["Dir"])
