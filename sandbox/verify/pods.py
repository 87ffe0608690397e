"""Commands in a pod's network, whatever its image has: a pod is processes of this machine.

What is sent from there goes through the pod's sidecar, which takes all but what it sends itself, and so carries the
workload's identity.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROCESSES = Path("/proc")


def in_network(pod: Mapping[str, Any], command: Sequence[str]) -> list[str]:
    """The command in a pod's network. Raises LookupError where the pod has no process."""
    return ["nsenter", f"--target={process_of(pod['metadata']['uid'])}", "--net", "--", *command]


def process_of(uid: str) -> int:
    """A process of the pod with this uid: kubelet has its control group named by it.

    Raises:
        LookupError: there is none.

    """
    for folder in PROCESSES.glob("[0-9]*"):
        try:
            groups = (folder / "cgroup").read_text(encoding="utf-8")
        except OSError:
            # It has ended meanwhile.
            continue
        if f"/pod{uid}/" in groups:
            return int(folder.name)
    raise LookupError(f"no process is of the pod {uid}")
