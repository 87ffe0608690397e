"""Everything by which a sandbox could be noticed on its host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from sandbox.clusters.host import cgroups
from sandbox.clusters.host.subprocesses import run

if TYPE_CHECKING:
    from sandbox.clusters.host.layout import Layout


def traces(layout: Layout) -> dict[str, list[str]]:
    """What a sandbox has on the host, and the host's own network, which no sandbox may change."""
    return {
        "processes": sorted(_processes(layout)),
        "namespaces": layout.namespaces(),
        "mounts": [line for line in _lines("/proc/self/mounts") if layout.name in line and "fleet" in line],
        "control groups": [
            str(path) for root in cgroups.hierarchies() for path in root.glob(f"fleet/{layout.name}/**/")
        ],
        "files": [str(path) for path in layout.root.parent.glob(f"*{layout.name}*")],
        "links of the host": run("ip", "-brief", "link").splitlines(),
        "routes of the host": run("ip", "route", "show", "table", "all").splitlines(),
        "rules of the host": run("nft", "list", "ruleset").splitlines(),
        "kernel parameters": [f"{name}={Path('/proc/sys', name).read_text().strip()}" for name in _SHARED],
    }


# What kubelet would set for the whole kernel, if it could.
_SHARED = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")


def _processes(layout: Layout) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(layout.root) in line or line.endswith(f"sandbox.local.daemon {layout.name}"):
            found.append(line)
    return found


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
