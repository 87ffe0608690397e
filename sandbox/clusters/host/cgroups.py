"""Control groups of a sandbox: what is in one belongs to the sandbox, whatever became of its process files.

Both layouts of Linux are served: version 1, one tree a controller, and version 2, one tree for all.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

from sandbox.waiting import until

_MOUNT: Final = Path("/sys/fs/cgroup")
_PAUSE_SECONDS: Final = 0.02


def hierarchies() -> list[Path]:
    """The roots of the trees that this system has."""
    if (_MOUNT / "cgroup.controllers").exists():
        return [_MOUNT]
    # A link like cpu -> cpu,cpuacct is the same tree a second time.
    return sorted(path for path in _MOUNT.iterdir() if path.is_dir() and not path.is_symlink())


def enter(group: str, pid: int) -> None:
    """Move a process into a group of every tree; what it starts later is in there too.

    Raises OSError if no group can be made here.
    """
    for root in hierarchies():
        folder = root / group
        folder.mkdir(parents=True, exist_ok=True)
        _inherit_cpus(root, folder)
        (folder / "cgroup.procs").write_text(str(pid))


def _inherit_cpus(root: Path, folder: Path) -> None:
    """A new group of version 1's cpuset tree has no CPU and no memory node, and takes no process until it has."""
    for path in [*reversed([parent for parent in folder.parents if root in parent.parents]), folder]:
        for name in ("cpuset.cpus", "cpuset.mems"):
            own = path / name
            if root.name == "cpuset" and own.exists() and not own.read_text().strip():
                own.write_text((path.parent / name).read_text())


def members(group: str) -> set[int]:
    """The processes in a group and below it, as the caller's own process namespace numbers them."""
    found: set[int] = set()
    for root in hierarchies():
        for folder, _, _ in os.walk(root / group):
            try:
                found.update(int(pid) for pid in (Path(folder) / "cgroup.procs").read_text().split())
            except OSError:  # a group that went meanwhile has no members
                continue
    return found - {0}


def kill_members(group: str, *, timeout_seconds: float) -> set[int]:
    """End every process in a group and below it, and return those that are still there after that time."""
    return until(
        lambda: _kill(members(group) - {os.getpid()}),
        enough=lambda remaining: not remaining,
        seconds=timeout_seconds,
        every=_PAUSE_SECONDS,
    )


def _kill(processes: set[int]) -> set[int]:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return processes


def remove(group: str, *, timeout_seconds: float) -> list[Path]:
    """Remove a group with all below it, and return what could not be removed within that time."""
    # A killed process leaves its group a moment later.
    return until(lambda: _remove(group), enough=lambda left: not left, seconds=timeout_seconds, every=_PAUSE_SECONDS)


def _remove(group: str) -> list[Path]:
    for root in hierarchies():
        for folder, _, _ in os.walk(root / group, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:  # still in use; reported below
                continue
    return [root / group for root in hierarchies() if (root / group).exists()]
