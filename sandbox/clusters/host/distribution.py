"""Where this machine's distribution keeps what the sandbox uses of it, and what its packages are called."""

from __future__ import annotations

import platform
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CNI: Final = (
    Path("/usr/lib/cni"),  # Debian, Arch
    Path("/usr/libexec/cni"),  # Fedora
    Path("/opt/cni/bin"),  # the project's own releases
)
_XTABLES: Final = (
    Path("/usr/lib", sysconfig.get_config_var("MULTIARCH") or "", "xtables"),  # Debian
    Path("/usr/lib64/xtables"),  # Fedora
    Path("/usr/lib/xtables"),  # Arch
)
_AUTHORITIES: Final = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Arch
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora
)
_CNI_PLUGINS: Final = ("ptp", "host-local", "portmap")

PACKAGES: Final[Mapping[str, str]] = {
    "runc": "runc",
    "the CNI plugins": "containernetworking-plugins",
    "nft": "nftables",
    "xtables-nft-multi": "iptables",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "bash": "bash",
    "curl": "curl",
    "haproxy": "haproxy",
    "jq": "jq",
    "certificate authorities": "ca-certificates",
    "busybox": "busybox-static",
    "wget": "wget",
    "dash": "dash",
    "catatonit": "catatonit",
    "ip": "iproute2",
    "sysctl": "procps",
    "nsenter": "util-linux",
}
"""What the sandbox takes of the system, and the Debian package of each."""
# From their package databases; the sandbox itself was tried on Debian.
_ELSEWHERE: Final[Mapping[str, Mapping[str, str]]] = {
    "dnf": {
        "iptables": "iptables-nft",
        "conntrack": "conntrack-tools",
        "busybox-static": "busybox",
        "iproute2": "iproute",
        "procps": "procps-ng",
    },
    "pacman": {
        "containernetworking-plugins": "cni-plugins",
        "conntrack": "conntrack-tools",
        "busybox-static": "busybox",
        "procps": "procps-ng",
    },
}
_INSTALL: Final[Mapping[str, tuple[str, ...]]] = {"dnf": ("dnf", "install"), "pacman": ("pacman", "-S")}


def find_program(name: str) -> Path | None:
    """A program of the system, by its name."""
    found = shutil.which(name, path=_PATH)
    return Path(found) if found else None


def cni_plugins() -> Path:
    """The folder with the CNI plugins that nodes use; Debian's where no folder has all of them."""
    return next((folder for folder in _CNI if _has_plugins(folder)), _CNI[0])


def _has_plugins(folder: Path) -> bool:
    return all((folder / name).exists() for name in _CNI_PLUGINS)


def iptables_extensions() -> Path:
    """The folder that iptables loads its matches and targets from; Debian's where there is none."""
    return next((folder for folder in _XTABLES if folder.is_dir()), _XTABLES[0])


def authorities() -> Path:
    """The file with the certificate authorities that the system trusts; Debian's where there is none."""
    return next((file for file in _AUTHORITIES if file.is_file()), _AUTHORITIES[0])


def has(part: str) -> bool:
    """Whether the system has something that `PACKAGES` names."""
    match part:
        case "the CNI plugins":
            return _has_plugins(cni_plugins())
        case "certificate authorities":
            return authorities().is_file()
        case _:
            return find_program(part) is not None


def how_to_install(packages: list[str]) -> str:
    """What to do about Debian packages that are missing on another distribution."""
    for manager, names in _ELSEWHERE.items():
        if find_program(manager):
            return f"Run `{' '.join([*_INSTALL[manager], *(names.get(one, one) for one in packages)])}` as root"
    return "Install them with this system's package manager"


def called() -> str:
    """What the distribution calls itself (os-release(5))."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "this system"
