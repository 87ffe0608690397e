"""Root, and the person who asked for it by sudo: what takes no root runs as that person and leaves files of theirs.

`python -m sandbox.privileges COMMAND` runs a command as root, with what says where files are kept and how the network
is reached. Whatever root starts there that is the person's own (Go, Pulumi, kubectl, the program, a shell) goes back to
that person by `as_invoker` or `become_invoker`; root's own processes have root's home folder.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CACHE: Final = Path("/var/cache/fleet")
"""What root makes and keeps between sandboxes: images, and the byte code of the Python that it runs."""
_BYTE_CODE: Final = "PYTHONPYCACHEPREFIX"
_HOME: Final = "FLEET_INVOKER_HOME"
ASKED: Final = ("SUDO_COMMAND", "SUDO_GID", "SUDO_HOME", "SUDO_UID", "SUDO_USER")
"""What sudo says of who asked (sudo(8), ENVIRONMENT)."""
_KEPT: Final = frozenset(
    {
        # How the network is reached, and whom to trust there.
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        # Where credentials of registries are.
        *("DOCKER_CONFIG", "REGISTRY_AUTH_FILE"),
        # How output looks, and what is left of byte code.
        *("NO_COLOR", "COLUMNS", "PYTHONDONTWRITEBYTECODE"),
    }
)
_KEPT_PREFIXES: Final = ("FLEET_", "GO", "PIP_", "PULUMI_", "UV_", "XDG_CACHE_", "XDG_CONFIG_", "XDG_STATE_")


@dataclass(frozen=True, kw_only=True)
class Invoker:
    """An ordinary user who asked for root by sudo."""

    uid: int
    gid: int
    name: str
    home: Path
    shell: str


def invoker() -> Invoker | None:
    """Who asked for root; None where this is no root, or nobody but root did."""
    uid = int(os.environ.get("SUDO_UID") or 0)
    if os.geteuid() != 0 or uid == 0:
        return None
    try:
        known = pwd.getpwuid(uid)
    except KeyError as error:
        raise SandboxError(
            what=f"The user {uid}, who asked for root, cannot be served",
            why="this system knows no name and no home folder of theirs",
            remedy="Run the command as a user whom it knows, or as root itself",
        ) from error
    home = os.environ.get(_HOME) or known.pw_dir
    return Invoker(uid=uid, gid=known.pw_gid, name=known.pw_name, home=Path(home), shell=known.pw_shell)


def home() -> Path:
    """The home folder of whoever asked: where what is built and installed for them is."""
    return found.home if (found := invoker()) else Path.home()


def as_invoker(command: Sequence[str]) -> list[str]:
    """The command as a process of whoever asked for root; the command itself where nobody did."""
    found = invoker()
    if found is None:
        return list(command)
    return ["setpriv", f"--reuid={found.uid}", f"--regid={found.gid}", "--init-groups", "--", *command]


def become_invoker() -> None:
    """Let go of root for good, where somebody asked for it."""
    if (found := invoker()) is not None:
        os.initgroups(found.name, found.gid)
        os.setresgid(found.gid, found.gid, found.gid)
        os.setresuid(found.uid, found.uid, found.uid)


def identity() -> dict[str, str]:
    """The variables that say who somebody is and where their home is; none where nobody asked for root."""
    found = invoker()
    if found is None:
        return {}
    return {"HOME": str(found.home), "USER": found.name, "LOGNAME": found.name, "SHELL": found.shell}


def environment() -> dict[str, str]:
    """The environment that a process of whoever asked for root has."""
    # A user cannot write root's byte code, and has their own beside the sources.
    roots = {*ASKED, _HOME, _BYTE_CODE} if invoker() is not None else set()
    return {name: value for name, value in os.environ.items() if name not in roots} | identity()


def give(path: Path) -> None:
    """Give one file or folder to whoever asked for root."""
    if (found := invoker()) is not None:
        os.chown(path, found.uid, found.gid, follow_symlinks=False)


def hand_over(folder: Path) -> None:
    """Give a folder with all that is in it to whoever asked for root; links are not followed."""
    found = invoker()
    if found is None or not folder.exists():
        return
    for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        for name in (".", *folders, *files):
            with contextlib.suppress(FileNotFoundError):  # Whoever works in it takes files away.
                if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid != found.uid:
                    os.chown(name, found.uid, found.gid, dir_fd=descriptor, follow_symlinks=False)


def root_command(command: Sequence[str], given: Mapping[str, str]) -> list[str]:
    """What runs a command as root for a user with this environment."""
    kept = sorted(name for name in given if name in _KEPT or name.startswith(_KEPT_PREFIXES))
    # sudo has a PATH of its own, whatever it is told to preserve; and root's byte code has no place in a checkout.
    own = {"PATH": given.get("PATH", os.defpath), _HOME: given.get("HOME", ""), _BYTE_CODE: f"{CACHE}/bytecode"}
    variables = [f"{name}={value}" for name, value in own.items() if value]
    preserved = [f"--preserve-env={','.join(kept)}"] if kept else []
    return ["sudo", *preserved, "--", "env", *variables, *command]


def how_to(command: Sequence[str]) -> str:
    """The line that runs a command as root, for people."""
    return shlex.join([sys.executable, "-m", "sandbox.privileges", *command])


def main(command: Sequence[str]) -> NoReturn:
    """Become a command as root."""
    line = list(command) if os.geteuid() == 0 else root_command(command, os.environ)
    try:
        os.execvp(line[0], line)  # noqa: S606  # the user's own command
    except OSError as error:
        sys.exit(f"error: `{line[0]}` cannot be run: {error.strerror}. Install it, or run the command as root.")


if __name__ == "__main__":
    main(sys.argv[1:])
