"""What a tool is: an executable of a Go module, and what decides how it is built."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import Version

from sandbox.toolchain.modfile import ModFile

MODULES_FOLDER: Final = Path(__file__).parent / "modules"
_MAJOR: Final = re.compile(r"v[0-9]+")


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """A string variable that the linker sets (`-ldflags -X`), as the project's own release build does.

    `form` may hold {version} (v1.35.4), {major} and {minor} of the version that go.mod has for `module`, and where
    that is a pseudo-version (v0.0.0-20260827124520-eed52ebb66ad) the {revision} at its end.
    """

    variable: str
    module: str
    form: str = "{version}"

    def flag(self, mod: ModFile) -> str:
        """The linker's flag for the version in a lock."""
        version = mod.version_of(self.module)
        # https://go.dev/ref/mod#pseudo-versions
        release, _, revision = version.partition("-")
        numbers = Version(release)
        value = self.form.format(
            version=version, major=numbers.major, minor=numbers.minor, revision=revision.rpartition("-")[2]
        )
        return f"-X {self.variable}={value}"


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Files in a folder of a required Go module that a main of our own embeds by their names (`//go:embed NAME`)."""

    module: str
    folder: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Module:
    """A folder with a go.mod of our own, and the flags that all its tools are built with."""

    name: str
    tags: tuple[str, ...] = ()
    stamps: tuple[Stamp, ...] = ()
    embedded: tuple[Embedded, ...] = ()

    @property
    def lock(self) -> ModFile:
        """The go.mod and go.sum in the checkout."""
        return ModFile.read(MODULES_FOLDER / self.name)

    def build_flags(self, mod: ModFile) -> tuple[str, ...]:
        """Arguments of `go build` that decide what comes out, the same on every machine."""
        stamps = " ".join(stamp.flag(mod) for stamp in self.stamps)
        flags = [
            *("-trimpath", "-buildvcs=false", "-mod=readonly"),
            # No symbol tables (-s -w): they double a binary and its layer in every image. The compiler writes those for
            # debuggers (DWARF) whatever the linker does with them, unless it is told not to as well.
            *("-gcflags", "all=-dwarf=false", "-ldflags", f"-s -w {stamps}".strip()),
        ]
        return (*flags, "-tags", ",".join(self.tags)) if self.tags else tuple(flags)


@dataclass(frozen=True, kw_only=True)
class OnPath:
    """That a tool of the user's own may be taken from PATH, from which version on, and why from that one."""

    minimum: Version
    reason: str
    version_arguments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An executable: its name, the Go package of its main function, and whether PATH may provide it."""

    name: str
    module: Module
    package: str
    on_path: OnPath | None = None
    source: str = ""
    """The Go module that a main of our own makes a command of; otherwise it is the package's own."""

    @property
    def built_as(self) -> str:
        """The file that `go build -o FOLDER/` makes of it: its folder's name, which a v2 below it is not.

        https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies
        """
        *_, parent, last = self.package.split("/")
        return parent if _MAJOR.fullmatch(last) else last

    @property
    def version(self) -> str:
        """The version that is built, from the lock."""
        return self.version_in(self.module.lock)

    def version_in(self, lock: ModFile) -> str:
        """The version that is built from a lock."""
        return lock.version_of(self.source or self.package)
