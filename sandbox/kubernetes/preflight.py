"""Whether this machine can run a sandbox; each reason against it is one sentence that says what to do."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from sandbox.errors import SandboxError
from sandbox.kubernetes.cgroups import hierarchies
from sandbox.kubernetes.commands import CommandError, run

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES: Final[Mapping[str, str]] = {
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "nft": "nftables",
    "iptables": "iptables",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "bash": "bash",
    "curl": "curl",
    "haproxy": "haproxy",
    "jq": "jq",
    "update-ca-certificates": "ca-certificates",
    "busybox": "busybox-static",
    "wget": "wget",
    "catatonit": "catatonit",
    "ip": "iproute2",
    "sysctl": "procps",
    "nsenter": "util-linux",
}
"""What the sandbox runs of the system, and the Debian package of each."""
_UNWANTED_SERVICES: Final = ("haproxy",)
"""Packages that come with a service of the host's own, which Debian starts at once and at every boot."""
# One cluster of one node with the API needs about 0.9 GiB; a build of the toolchain more, but not at the same time.
_MEMORY_BYTES: Final = 2 * 1024**3
_DISK_BYTES: Final = 3 * 1024**3
_CONTROLLERS: Final = ("cpu", "cpuset", "memory", "pids")
# How each feature shows: a word in a file of the kernel, and the option that builds it.
_FILE_SYSTEMS: Final = {"overlay": "CONFIG_OVERLAY_FS"}
_INSTALL_SECONDS: Final = 600.0


class UnfitError(SandboxError):
    """No sandbox can run on this machine, or for this user."""


def check(state: Path) -> None:
    """See that this machine can run a sandbox, and install the packages that it lacks.

    `state` is where the sandbox will keep its files.

    Raises:
        UnfitError: it cannot, for a reason that the error names.

    """
    check_root()
    check_memory()
    check_disk(state)
    install_packages()
    check_kernel()


def check_root() -> None:
    """See that this is root. Raises UnfitError."""
    if os.geteuid() == 0:
        return
    again = shlex.join([sys.executable, "-m", "sandbox", *sys.argv[1:]])
    raise UnfitError(
        what="A sandbox cannot be managed by this user",
        why="network namespaces, control groups and containers' file systems take root",
        # A user namespace has no rights over the cgroup tree and over overlayfs on every kernel that is in use.
        remedy=f"Run it as root: sudo --preserve-env=HOME,XDG_CACHE_HOME,FLEET_STATE_HOME {again}",
    )


def check_disk(state: Path) -> None:
    """See that there is room. Raises UnfitError."""
    existing = next(folder for folder in (state, *state.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < _DISK_BYTES:
        raise UnfitError(
            what="There is too little disk space for a sandbox",
            why=f"{existing} has {free / 1024**3:.1f} GiB left and {_DISK_BYTES / 1024**3:.0f} GiB are needed",
            remedy="Make room, or set FLEET_STATE_HOME to a folder on another disk",
        )


def check_memory() -> None:
    """See that there is memory. Raises UnfitError."""
    available = psutil.virtual_memory().available
    if available < _MEMORY_BYTES:
        raise UnfitError(
            what="There is too little memory for a sandbox",
            why=f"{available / 1024**3:.1f} GiB are available and {_MEMORY_BYTES / 1024**3:.0f} GiB are needed",
            remedy="End other programs, or use a larger machine",
        )


def check_kernel() -> None:
    """See that the kernel has what a cluster needs. Raises UnfitError, naming what is missing."""
    missing = [
        *_missing_controllers(),
        *(option for name, option in _FILE_SYSTEMS.items() if not _has_file_system(name)),
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
    missing = sorted({package for program, package in PACKAGES.items() if not is_there(program)})
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None:
        raise UnfitError(
            what="A sandbox needs programs that are not installed",
            why=f"{', '.join(missing)} (Debian's names) are missing and there is no apt-get here",
            remedy="Install them with this system's package manager",
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
        if service in missing and is_there("systemctl"):
            _switch_off(service)


def _switch_off(service: str) -> None:
    """Leave the host without a service that came with a package: the sandbox runs the program itself."""
    for verb in ("disable", "stop"):
        # In a container with no systemd there is nothing to stop.
        with contextlib.suppress(CommandError):
            run("systemctl", verb, f"{service}.service")


def is_there(program: str) -> bool:
    """Whether the system has a program."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return shutil.which(program, path=path) is not None


def _missing_controllers() -> list[str]:
    roots = hierarchies()
    unified = [root for root in roots if (root / "cgroup.controllers").exists() and len(roots) == 1]
    if unified:
        names = set((unified[0] / "cgroup.controllers").read_text().split())
    else:
        names = {name for root in roots for name in root.name.split(",")}
    return [f"the control group controller {name}" for name in _CONTROLLERS if name not in names]


def _has_file_system(name: str) -> bool:
    return any(line.split()[-1] == name for line in Path("/proc/filesystems").read_text().splitlines())


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


_NAT_RULES: Final = "table ip t { chain c { type nat hook postrouting priority 100; masquerade; }; }"
_TRACKING_RULES: Final = "table inet t { chain c { type filter hook input priority 0; ct state new reject; }; }"
