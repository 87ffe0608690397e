"""Which shared libraries a program needs, by the rules of the dynamic loader (ld.so(8))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path


class MissingLibraryError(SandboxError):
    """A program of the host needs a library that the host does not have."""


def shared_objects(executable: Path) -> dict[str, Path]:
    """The libraries and the loader of an executable: the host's file by the path at which the loader looks for it.

    Raises MissingLibraryError if a library is not there.
    """
    # Only here, since it is much to load for every command that makes no image.
    from auditwheel.lddtree import ldd

    program = ldd(executable)
    missing = sorted(name for name, library in program.libraries.items() if library.realpath is None)
    if missing:
        raise MissingLibraryError(
            what=f"No image can be made with {executable}",
            why=f"it needs {', '.join(missing)}, which this system lacks",
            remedy="Install the packages that have them",
        )
    return {str(library.path): library.realpath for library in program.libraries.values()}
