"""What a node may give to pods: as much as a node of its plan gives at Linode, whatever the machine below has.

Every node's kubelet sees the whole machine. What it holds back is the difference, so that pods which find no room on
their plan stay Pending here as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from sandbox.linode.backend import PoolSpec

# Linode publishes no figures, so these are on the careful side: of a plan's memory the kernel shows 4 to 6 % less, and
# kubelet's own threshold of eviction takes 100 MiB more (docs/decisions/0240).
_KERNEL: Final = 0.06
_EVICTION_MIB: Final = 100
_NETWORK_MILLICORES: Final = 250
"""What Calico's pod on each node asks for, which the sandbox does not run (manifests/calico.yaml of Calico)."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of processors, in thousandths, and of memory."""

    millicores: int
    mib: int


def allocatable(pool: PoolSpec) -> Size:
    """What pods may ask for on a node of a plan."""
    return Size(
        millicores=pool.vcpus * 1000 - _NETWORK_MILLICORES,
        mib=int(pool.memory * (1 - _KERNEL)) - _EVICTION_MIB,
    )


def machine() -> Size:
    """What this machine has, as kubelet counts it."""
    return Size(millicores=(psutil.cpu_count() or 1) * 1000, mib=psutil.virtual_memory().total // 2**20)


def held_back(pool: PoolSpec, of: Size) -> dict[str, str]:
    """What kubelet has to hold back, as its systemReserved; nothing of what the machine has too little of."""
    wanted = allocatable(pool)
    return {
        "cpu": f"{max(of.millicores - wanted.millicores, 0)}m",
        "memory": f"{max(of.mib - wanted.mib, 0)}Mi",
    }
