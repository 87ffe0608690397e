"""Whether this machine can run a sandbox; each reason against it is one sentence that says what to do."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from sandbox.clusters.host.cgroups import hierarchies
from sandbox.clusters.host.distribution import PACKAGES, called, has, how_to_install
from sandbox.clusters.host.processes import recall
from sandbox.clusters.host.subprocesses import CommandError, run
from sandbox.errors import SandboxError
from sandbox.privileges import how_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.clusters.host.layout import Layout

_UNWANTED_SERVICES: Final = ("haproxy",)
"""Packages that come with a service of the host's own, which Debian starts at once and at every boot."""
_GIB: Final = 1024**3
_PROCESSORS: Final = ("x86_64", "aarch64")
"""Those that Envoy, of which the mesh's images are made, is published for."""
_CONTROLLERS: Final = ("cpu", "cpuset", "memory", "pids")
_INSTALL_SECONDS: Final = 600.0


@dataclass(frozen=True, kw_only=True)
class Need:
    """What something takes of the machine."""

    text: str
    memory_bytes: int
    disk_bytes: int
    """Where the sandbox keeps its files."""


SANDBOX: Final = Need(text="a sandbox", memory_bytes=2 * _GIB, disk_bytes=3 * _GIB)
"""The emulated account and one cluster of one node take 0.9 GiB of memory."""
FLEET: Final = Need(text="a fleet", memory_bytes=6 * _GIB, disk_bytes=4 * _GIB)
"""Four clusters with Karmada and the mesh."""
BUILDING_BYTES: Final = 16 * _GIB
"""Of disk, for all tools: modules, what Go compiles, and what comes out."""


class UnfitError(SandboxError):
    """No sandbox can run on this machine, or for this user."""


def check(layout: Layout, need: Need = SANDBOX) -> None:
    """See that this machine can run what is needed, and install the packages that it lacks.

    Raises UnfitError if it cannot, for a reason that the error names.
    """
    check_root()
    check_processor()
    check_room(layout, need, {})
    install_packages()
    check_kernel(layout.root)


def check_room(layout: Layout, need: Need, building: Mapping[Path, int]) -> None:
    """See that there is memory, and disk space for a sandbox and for what is `building` in which folder.

    A sandbox that runs has its own already. Raises UnfitError if there is too little, which the error tells.
    """
    running = recall(layout.daemon)
    keeping: Mapping[Path, int] = {}
    if running is None or not running.alive:
        check_memory(need)
        keeping = {layout.root: need.disk_bytes}
    check_disk({**keeping, **building}, need)


def check_processor() -> None:
    """See that there are programs for this processor. Raises UnfitError."""
    if os.uname().machine not in _PROCESSORS:
        raise UnfitError(
            what="A sandbox cannot run on this machine",
            why=f"its processor is {os.uname().machine}, and Envoy is published for {' and '.join(_PROCESSORS)} alone",
            remedy="Use a machine with one of these",
        )


def check_root() -> None:
    """See that this is root. Raises UnfitError."""
    if os.geteuid() == 0:
        return
    raise UnfitError(
        what="A sandbox cannot be managed by this user",
        why="network namespaces, control groups and containers' file systems take root",
        # A user namespace has no rights over the cgroup tree and over overlayfs on every kernel that is in use.
        remedy=f"Run it as root: {how_to([sys.executable, '-m', 'sandbox', *sys.argv[1:]])}",
    )


def check_disk(wanted: Mapping[Path, int], need: Need) -> None:
    """See that there is room: so many bytes for each folder, which may lie on one disk. Raises UnfitError."""
    disks: dict[int, tuple[Path, int]] = {}
    for folder, size in wanted.items():
        existing = _existing(folder)
        first, before = disks.get(existing.stat().st_dev, (existing, 0))
        disks[existing.stat().st_dev] = (first, before + size)
    for place, size in disks.values():
        free = shutil.disk_usage(place).free
        if free < size:
            raise UnfitError(
                what=f"There is too little disk space for {need.text}",
                why=f"{place} has {free / _GIB:.1f} GiB left and {size / _GIB:.0f} GiB are needed",
                remedy="Make room, or set FLEET_STATE_HOME (the clusters' files) or XDG_CACHE_HOME (built tools) "
                "to a folder on another disk",
            )


def _existing(folder: Path) -> Path:
    """The folder, or what is there already of those around it: on whose disk it will be."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def check_memory(need: Need) -> None:
    """See that there is memory. Raises UnfitError."""
    available = psutil.virtual_memory().available
    if available < need.memory_bytes:
        raise UnfitError(
            what=f"There is too little memory for {need.text}",
            why=f"{available / _GIB:.1f} GiB are available and {need.memory_bytes / _GIB:.0f} GiB are needed",
            remedy="End other programs, or use a larger machine",
        )


def check_kernel(state: Path) -> None:
    """See that the kernel, and the disk with the clusters' files, have what a cluster needs.

    Raises UnfitError if something is missing, all of which it names.
    """
    missing = [
        *_missing_controllers(),
        *_missing_overlay(state),
        *_missing_network_features(),
    ]
    if missing:
        raise UnfitError(
            what="A sandbox cannot run on this system",
            why=f"its kernel, or the container around it, lacks {', '.join(missing)}",
            remedy="Load the modules, or use a virtual machine with a distribution's own kernel",
        )


def install_packages() -> None:
    """Install the Debian packages that are missing, where this is Debian. Raises UnfitError."""
    missing = sorted({package for part, package in PACKAGES.items() if not has(part)})
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None:
        raise UnfitError(
            what="A sandbox needs packages that are not installed",
            why=f"{', '.join(missing)} (Debian's names) are missing, and {called()} has no apt-get to install them by",
            remedy=how_to_install(missing),
        )
    try:
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", extra_environment=environment, timeout_seconds=_INSTALL_SECONDS)
        run(*command, extra_environment=environment, timeout_seconds=_INSTALL_SECONDS)
    except CommandError as error:
        raise UnfitError(
            what=f"The packages {', '.join(missing)} could not be installed",
            why=error.output.splitlines()[-1] if error.output else "apt-get said nothing",
            remedy=f"Run `{shlex.join(command)}` as root",
        ) from error
    for service in _UNWANTED_SERVICES:
        if service in missing and has("systemctl"):
            _switch_off(service)


def _switch_off(service: str) -> None:
    """Leave the host without a service that came with a package: the sandbox runs the program itself."""
    for verb in ("disable", "stop"):
        # In a container with no systemd there is nothing to stop.
        with contextlib.suppress(CommandError):
            run("systemctl", verb, f"{service}.service")


def _missing_controllers() -> list[str]:
    roots = hierarchies()
    unified = [root for root in roots if (root / "cgroup.controllers").exists() and len(roots) == 1]
    if unified:
        names = set((unified[0] / "cgroup.controllers").read_text().split())
    else:
        names = {name for root in roots for name in root.name.split(",")}
    return [f"the control group controller {name}" for name in _CONTROLLERS if name not in names]


def _missing_overlay(state: Path) -> list[str]:
    """Try what containerd does for every container, where it will do it: not every file system takes part."""
    existing = _existing(state)
    with tempfile.TemporaryDirectory(dir=existing, prefix=".fleet-overlay-") as name:
        folders = {part: Path(name, part) for part in ("lowerdir", "upperdir", "workdir", "merged")}
        for folder in folders.values():
            folder.mkdir()
        options = ",".join(f"{part}={folder}" for part, folder in folders.items() if part != "merged")
        try:
            run(*_APART, "mount", "-t", "overlay", "overlay", "-o", options, str(folders["merged"]))
        except CommandError as error:
            said = error.output.splitlines()[0] if error.output else "mount said nothing"
            return [f"overlay mounts on {existing} (CONFIG_OVERLAY_FS; {said})"]
    return []


def _missing_network_features() -> list[str]:
    """Try in a throwaway namespace what clusters do: how a feature is built in differs, what works does not."""
    attempts = {
        "network namespaces (CONFIG_NET_NS)": ["true"],
        "virtual Ethernet pairs (CONFIG_VETH)": ["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"],
        "bridges (CONFIG_BRIDGE)": ["ip", "link", "add", "b0", "type", "bridge"],
        "nftables with NAT (CONFIG_NF_TABLES, CONFIG_NFT_NAT, CONFIG_NFT_MASQ)": ["nft", _NAT_RULES],
        "sets of addresses for iptables (CONFIG_IP_SET_HASH_IP)": ["ipset", "create", "s", "hash:ip"],
        "connection tracking in nftables (CONFIG_NFT_CT, CONFIG_NFT_REJECT_INET)": ["nft", _TRACKING_RULES],
    }
    missing = []
    for feature, command in attempts.items():
        try:
            run("unshare", "--net", "--", *command)
        except CommandError:
            missing.append(feature)
    return missing


# The mount is gone with its namespace.
_APART: Final = ("unshare", "--mount", "--")
_NAT_RULES: Final = "table ip t { chain c { type nat hook postrouting priority 100; masquerade; }; }"
_TRACKING_RULES: Final = "table inet t { chain c { type filter hook input priority 0; ct state new reject; }; }"
