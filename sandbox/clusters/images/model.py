"""What an image is made of."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sandbox.clusters.images.linking import shared_objects
from sandbox.errors import SandboxError
from sandbox.toolchain import tool_path
from sandbox.toolchain.sources import module_folder

if TYPE_CHECKING:
    from collections.abc import Iterable


class MissingProgramError(SandboxError):
    """A program of the system, from which an image is made, is not installed."""


class Executable(Protocol):
    """A program that can be put into an image."""

    def path(self) -> Path:
        """Where it is on the host."""


@dataclass(frozen=True)
class BuiltTool:
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
class Packaged:
    """An executable in an installed Python package."""

    package: str
    file: str
    """As the package lists it: "envoy/_bin/envoy"."""

    def path(self) -> Path:
        """Where it is. Raises importlib.metadata.PackageNotFoundError."""
        return Path(str(distribution(self.package).locate_file(self.file)))


@dataclass(frozen=True)
class Dynamic:
    """A program that is not static: in the image its shared libraries and its loader are where it looks for them."""

    program: Executable


@dataclass(frozen=True)
class Tree:
    """All files of a folder of the host, such as plugins that a program loads by name."""

    folder: Path


@dataclass(frozen=True)
class ModuleFile:
    """A file that a tool's authors publish with it, in the tool's own version."""

    name: str
    """A folder of sandbox/toolchain/modules."""
    module: str
    file: str

    def path(self) -> Path:
        """Where it is. Raises ModuleUnavailableError."""
        return module_folder(self.name, self.module) / self.file


@dataclass(frozen=True)
class HostFile:
    """A file of the host; entries that stand for several files become these."""

    source: Path
    mode: int = 0o755


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


Entry = BuiltTool | Program | Packaged | Dynamic | Tree | ModuleFile | HostFile | Link | Text | Folder
Packed = HostFile | Link | Text | Folder
Layer = Mapping[str, Entry]
"""Entries by absolute path. A layer that several images have is kept once, so what is large and shared gets its own."""


def tools_in(layers: Iterable[Layer]) -> set[str]:
    """The names of the tools that layers are made from."""
    return {entry.name for layer in layers for entry in layer.values() if isinstance(entry, BuiltTool)}


def contents(layer: Layer) -> dict[str, Packed]:
    """Every file of a layer by absolute path, each from one file of the host or from none.

    Raises SandboxError if a program is not there, or lacks a library.
    """
    found: dict[str, Packed] = {}
    for path, entry in layer.items():
        match entry:
            case Dynamic(program):
                executable = program.path()
                found[path] = HostFile(executable)
                found |= {name: HostFile(source) for name, source in shared_objects(executable).items()}
            case Tree(folder):
                files = sorted(folder.iterdir())
                found |= {f"{path}/{file.name}": HostFile(file) for file in files if file.is_file()}
            case ModuleFile():
                found[path] = HostFile(entry.path(), mode=0o644)
            case BuiltTool() | Program() | Packaged():
                found[path] = HostFile(entry.path())
            case _:
                found[path] = entry
    return found


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
