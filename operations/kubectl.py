"""kubectl, for what the Kubernetes client does only with keys on the disk: commands in pods (from PATH)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from operations.errors import OperationError

if TYPE_CHECKING:
    from pathlib import Path


def line(kubeconfig: Path, *arguments: str) -> list[str]:
    """A command line of kubectl with a kubeconfig. Raises OperationError where there is no kubectl."""
    found = shutil.which("kubectl")
    if found is None:
        raise OperationError(what="kubectl is missing", why="it is not on the PATH", remedy="Install it")
    return [found, f"--kubeconfig={kubeconfig}", *arguments]
