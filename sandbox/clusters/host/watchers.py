"""Inotify instances: the kernel's default lets a user have 128, and a cluster of one node takes 21."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

from sandbox.errors import SandboxError

PER_CONTROL_PLANE: Final = 11
PER_NODE: Final = 10
"""Of containerd, kubelet, kube-proxy and the cluster's own pods; counted on 1.35."""
_LIMIT: Final = Path("/proc/sys/fs/inotify/max_user_instances")
_ENOUGH: Final = 1024


class WatchersExhaustedError(SandboxError):
    """Programs would fail with "too many open files", whatever the limit of open files is."""


def require(count: int) -> None:
    """See that root may have so many more instances. Raises WatchersExhaustedError if it may not."""
    limit, used = int(_LIMIT.read_text()), in_use()
    if limit - used < count:
        raise WatchersExhaustedError(
            what="There are too few inotify instances for another cluster",
            why=f"{used} of the kernel's {limit} for this user are in use and {count} more are needed",
            remedy=f"Run `sysctl -w fs.inotify.max_user_instances={_ENOUGH}` as root",
        )


def in_use() -> int:
    """How many the processes of root have now."""
    return sum(_of_process(process.pid) for process in psutil.process_iter(["uids"]) if _is_roots(process))


def _is_roots(process: psutil.Process) -> bool:
    uids = process.info["uids"]
    return uids is not None and uids.real == 0


def _of_process(pid: int) -> int:
    count = 0
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            count += str(descriptor.readlink()) == "anon_inode:inotify"
    except OSError:  # it ended meanwhile
        return count
    return count
