"""What a sandbox takes of its machine: memory by proportional set size, and processor time of all it has ever run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.clusters.host import cgroups

if TYPE_CHECKING:
    from sandbox.clusters.host.layout import Layout


def memory_bytes(layout: Layout) -> int:
    """What its processes hold now; what several share counts once."""
    return sum(proportional_set_size(pid) for pid in cgroups.members(layout.cgroup))


def processor_seconds(layout: Layout) -> float:
    """What its processes, ended ones too, have used since its control group exists."""
    for root in cgroups.hierarchies():
        group = root / layout.cgroup
        if (usage := group / "cpuacct.usage").exists():
            return int(usage.read_text()) / 1e9
        if (stat := group / "cpu.stat").exists() and "usage_usec" in stat.read_text():
            lines = dict(line.split() for line in stat.read_text().splitlines())
            return int(lines["usage_usec"]) / 1e6
    raise FileNotFoundError(f"no control group of {layout.name} counts processor time")


def proportional_set_size(pid: int) -> int:
    """What one process holds, and its part of what it shares; nothing once it has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)
