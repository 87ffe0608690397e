"""The Python environment of a Pulumi project: what Pulumi.yaml's `runtime.options` ask for."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf import json_format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.runtime.proto import language_pb2

_TOOLCHAINS: Final = ("pip", "uv")


class EnvironmentNotFoundError(Exception):
    """The project's Python environment cannot be used; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The interpreter that runs a program, and the virtual environment that it belongs to, if any."""

    python: Path
    virtualenv: Path | None

    def variables(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Environment variables over `base`, with the virtual environment activated as its script does."""
        variables = dict(base)
        if self.virtualenv is not None:
            variables["VIRTUAL_ENV"] = str(self.virtualenv)
            variables["PATH"] = f"{self.python.parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
            variables.pop("PYTHONHOME", None)
        return variables


def options(info: language_pb2.ProgramInfo) -> Mapping[str, object]:
    """The project's runtime options. Raises EnvironmentNotFoundError for one that is not supported."""
    found = json_format.MessageToDict(info.options)
    unsupported = sorted(set(found) - {"virtualenv", "toolchain"})
    if unsupported:
        raise EnvironmentNotFoundError(
            f"Pulumi.yaml: runtime.options.{unsupported[0]} is not supported by the offline language host; "
            "remove it, or use the official one (--plugins official)"
        )
    if found.get("toolchain", "pip") not in _TOOLCHAINS:
        raise EnvironmentNotFoundError(
            f"Pulumi.yaml: runtime.options.toolchain is {found['toolchain']!r}; the offline language host "
            f"supports: {', '.join(_TOOLCHAINS)}"
        )
    return found


def virtualenv(info: language_pb2.ProgramInfo) -> Path | None:
    """The folder of the project's virtual environment, whether it exists or not; None if it has none."""
    found = options(info)
    # uv keeps its environment in .venv unless told otherwise.
    name = found.get("virtualenv") or (".venv" if found.get("toolchain") == "uv" else None)
    return None if name is None else Path(info.root_directory) / str(name)


def locate(info: language_pb2.ProgramInfo) -> Environment:
    """The environment to run the program in. Raises EnvironmentNotFoundError if it is not there."""
    folder = virtualenv(info)
    if folder is None:
        command = os.environ.get("PULUMI_PYTHON_CMD", "python3")
        python = shutil.which(command)
        if python is None:
            raise EnvironmentNotFoundError(f"there is no {command} on PATH; install Python 3")
        return Environment(python=Path(python), virtualenv=None)
    python_path = folder / "bin" / "python"
    if not python_path.exists():
        raise EnvironmentNotFoundError(
            f"Pulumi.yaml: runtime.options.virtualenv is {str(folder)!r}, and there is no {python_path}; "
            "make the environment with: pulumi install"
        )
    return Environment(python=python_path, virtualenv=folder)


def creating_interpreter() -> str:
    """The interpreter to make a virtual environment with: the one on PATH, else our own."""
    return shutil.which(os.environ.get("PULUMI_PYTHON_CMD", "python3")) or sys.executable
