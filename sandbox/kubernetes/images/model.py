"""What an image is made of."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandbox.errors import SandboxError
from sandbox.toolchain import tool_path


class MissingProgramError(SandboxError):
    """A program of the system, from which an image is made, is not installed."""


class Executable(Protocol):
    """A program that can be put into an image."""

    def path(self) -> Path:
        """Where it is on the host."""


@dataclass(frozen=True)
class Tool:
    """An executable of the toolchain."""

    name: str

    def path(self) -> Path:
        """Where it is, built first if need be."""
        return tool_path(self.name)


@dataclass(frozen=True)
class Program:
    """A static executable of a Debian package."""

    name: str

    def path(self) -> Path:
        """Where the system has it. Raises MissingProgramError."""
        found = shutil.which(self.name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        if found is None:
            raise MissingProgramError(
                what="The sandbox's images cannot be made",
                why=f"`{self.name}` is not installed",
                remedy="Run `python -m sandbox up` as root, which installs it",
            )
        return Path(found)


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Text:
    """A small file."""

    content: str


@dataclass(frozen=True)
class Folder:
    """An empty folder with a mode of its own; those that files need come by themselves."""

    mode: int = 0o755


Entry = Tool | Program | Link | Text | Folder
Layer = Mapping[str, Entry]
"""Entries by absolute path. A layer that several images have is kept once, so what is large and shared gets its own."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image under the name by which charts and manifests ask for it."""

    name: str
    """With registry and tag: "docker.io/library/busybox:1.36"."""
    layers: tuple[Layer, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    """Numeric, where a chart insists on runAsNonRoot."""
    environment: Mapping[str, str] = field(default_factory=dict)
