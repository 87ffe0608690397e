"""Go module files as locks: the one place where a tool's version, and the Go that it needs, are written.

Only three facts are looked up in a go.mod, all of them in lines whose form `go mod tidy` guarantees
(https://go.dev/ref/mod#go-mod-file). Reading them here, rather than from `go mod edit -json`, tells which Go
is needed before any Go has been found; tests compare both for every module of the toolchain.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import Version

_GO_DIRECTIVE: Final = re.compile(r"^go (?P<version>\S+)$", re.MULTILINE)
_REQUIREMENT: Final = re.compile(
    r"^(?:require)?\s+(?P<path>[^\s=>]+) (?P<version>v\S+)(?: // indirect)?$", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class ModFile:
    """A go.mod with its go.sum, and the main functions of our own beside and below them: what is built, exactly."""

    folder: Path
    text: str
    sums: bytes
    sources: tuple[bytes, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> ModFile:
        """The lock in a folder. Raises OSError where it isn't there."""
        return cls(
            folder=folder,
            text=(folder / "go.mod").read_text(),
            sums=(folder / "go.sum").read_bytes(),
            sources=tuple(file.read_bytes() for file in sorted(folder.rglob("*.go"))),
        )

    @property
    def go(self) -> Version:
        """The oldest Go that may build this module."""
        found = _GO_DIRECTIVE.search(self.text)
        if found is None:
            raise LookupError(f"{self.folder / 'go.mod'} has no go directive")
        return Version(found["version"])

    @property
    def requirements(self) -> dict[str, str]:
        """Versions (`v1.2.3`) by module path."""
        return {found["path"]: found["version"] for found in _REQUIREMENT.finditer(self.text)}

    def version_of(self, package: str) -> str:
        """The version (`v1.2.3`) of the module that a package, or the module itself, belongs to."""
        required = self.requirements
        for path in (package, *(str(parent) for parent in Path(package).parents)):
            if path in required:
                return required[path]
        raise LookupError(f"{self.folder / 'go.mod'} requires no module that has {package}")

    @property
    def digest(self) -> str:
        """SHA-256 of all these files, in hexadecimal."""
        return hashlib.sha256(b"\0".join((self.text.encode(), self.sums, *self.sources))).hexdigest()
