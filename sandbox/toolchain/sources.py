"""The files of a Go module as its authors published them: charts and templates that go with a tool built from it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sandbox.toolchain.fetching import fetch_module
from sandbox.toolchain.process import run
from sandbox.toolchain.resolver import default_toolchain
from sandbox.toolchain.tools import MODULES_FOLDER

if TYPE_CHECKING:
    from pathlib import Path


@functools.cache
def module_folder(name: str, path: str) -> Path:
    """The folder with a module's files, read-only and in exactly the version that the tools are built from.

    Args:
        name: a folder of sandbox/toolchain/modules, whose lock has the version: "istio".
        path: the Go module: "istio.io/istio".

    Raises:
        ModuleUnavailableError: it cannot be fetched, or differs from the lock.

    """
    return fetch_module(run, default_toolchain().go, MODULES_FOLDER / name, path)
