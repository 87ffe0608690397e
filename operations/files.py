"""Files that hold what opens something: whole or not at all, and for nobody but their owner."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_private(file: Path, content: str) -> None:
    """Write a file that only its owner may read (mode 0600), and that is whole whenever it is there.

    Raises:
        OSError: its folder cannot be written.

    """
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as unfinished:  # mode 0600
        unfinished.write(content)
        unfinished.flush()
        os.fsync(unfinished.fileno())
    Path(unfinished.name).replace(file)
