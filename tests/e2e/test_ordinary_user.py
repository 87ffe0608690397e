"""`make up` and `make down` as an ordinary user types them: what root owns afterwards, and what the host has more."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from sandbox.clusters.host import preflight
from sandbox.engine.project import CHECKOUT
from sandbox.local import lifecycle
from sandbox.local.stages import FLEET_TOOLS
from sandbox.toolchain.resolver import default_toolchain
from sandbox.toolchain.tools import find_tools
from tests.e2e.names import own
from tests.e2e.traces import traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.clusters.host.layout import Layout

pytestmark = [
    pytest.mark.privileged,
    pytest.mark.endurance,
    pytest.mark.skipif(shutil.which("sudo") is None, reason="there is no sudo here: apt-get install sudo"),
]

UP_SECONDS: Final = 3600.0
SHORT_SECONDS: Final = 600.0
WATCHED: Final = ("/etc", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var/cache", "/var/lib", "/var/tmp")
DEPTH: Final = 3
# Other programs', the test's own, and the two places that the documents name (docs/sandbox.md).
OTHERS: Final = (
    *("/run/lock", "/run/log", "/run/mount", "/run/sudo", "/run/systemd", "/run/udev", "/run/user", "/run/utmp"),
    *("/root/.cache", "/tmp/pytest", "/var/cache/apt", "/var/lib/apt", "/var/lib/sudo", "/var/lib/systemd"),
    *("/run/netns", "/var/cache/fleet", "/var/lib/fleet/"),
)
KEPT: Final = ("PATH", "LANG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
KEPT_PREFIXES: Final = ("GOPROXY", "GOSUMDB", "GONOSUMDB", "PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA", "CURL_CA")


@dataclass(frozen=True, kw_only=True)
class User:
    """An ordinary user who may call sudo, with a checkout in their home."""

    name: str
    home: Path
    layout: Layout
    say: Callable[[str], None]

    @property
    def checkout(self) -> Path:
        """A copy of what is checked out here, as it lies there."""
        return self.home / "fleet"

    def run(self, *line: str, seconds: float = SHORT_SECONDS) -> str:
        """What a command prints that the user types in the checkout."""
        self.say(" ".join(line))
        known = pwd.getpwnam(self.name)
        become = ["setpriv", f"--reuid={known.pw_uid}", f"--regid={known.pw_gid}", "--init-groups", "--"]
        done = subprocess.run(
            [*become, *line],
            cwd=self.checkout,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
        )
        assert done.returncode == 0, f"{' '.join(line)}: {done.stdout[-6000:]}"
        return done.stdout

    def make(self, target: str, *settings: str, seconds: float = SHORT_SECONDS) -> str:
        """What a target of make prints."""
        return self.run("make", target, f"NAME={self.layout.name}", *settings, seconds=seconds)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
        # A Python or a Go below root's home is out of the user's reach.
        reached = [folder for folder in kept.get("PATH", os.defpath).split(":") if not folder.startswith("/root")]
        return kept | {"PATH": ":".join(reached), "HOME": str(self.home), "USER": self.name, "LOGNAME": self.name}


@pytest.fixture
def user(say: Callable[[str], None]) -> Iterator[User]:
    """A user with the checkout and what was built, as `tools --import` brings it; gone afterwards."""
    layout = own("plain")
    made = User(name="fleetplain", home=Path("/home/fleetplain"), layout=layout, say=say)
    rights = Path("/etc/sudoers.d", made.name)
    lifecycle.down(layout)
    _remove(made, rights)
    subprocess.run(
        ["useradd", "--create-home", "--home-dir", str(made.home), "--shell", "/bin/sh", made.name], check=True
    )
    try:
        rights.touch(mode=0o440)
        rights.write_text(f"{made.name} ALL=(ALL:ALL) NOPASSWD: ALL\n")
        _check_out(made.checkout)
        archive = made.home / "tools.tar.gz"
        default_toolchain().paths(FLEET_TOOLS)
        default_toolchain().export(archive, find_tools(FLEET_TOOLS))
        subprocess.run(["chown", "--recursive", f"{made.name}:", str(made.home)], check=True)
        made.make("setup")
        made.run(".venv/bin/python", "-m", "sandbox", "tools", "--import", str(archive))
        archive.unlink()
        yield made
    finally:
        lifecycle.down(layout)
        _remove(made, rights)


def _remove(user: User, rights: Path) -> None:
    rights.unlink(missing_ok=True)
    subprocess.run(["userdel", "--remove", user.name], check=False, capture_output=True)


def _check_out(target: Path) -> None:
    listing = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0"):
        source = CHECKOUT / name
        if name and source.is_file():
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)


def owned_by_root(folder: Path) -> list[str]:
    """What root owns below a folder."""
    found = [Path(place, name) for place, folders, files in os.walk(folder) for name in (*folders, *files)]
    return sorted(str(path) for path in found if path.lstat().st_uid == 0)


def host() -> set[str]:
    """What is in the folders that root could have left something in, as far down as that would show."""
    found: set[str] = set()
    for top in WATCHED:
        for place, folders, files in os.walk(top):
            depth = len(Path(place).relative_to(top).parts)
            found.update(str(Path(place, name)) for name in (*folders, *files))
            folders[:] = folders if depth < DEPTH else []
    return {path for path in found if not path.startswith(OTHERS)}


def test_up_and_down_by_sudo_leave_nothing_of_roots_and_nothing_on_the_host(user: User) -> None:
    preflight.install_packages()  # they stay, as is said of them
    before, there = traces(user.layout), host()

    user.make("up", seconds=UP_SECONDS)
    assert owned_by_root(user.home) == []
    uid = pwd.getpwnam(user.name).pw_uid
    assert user.layout.root.stat().st_uid == uid
    assert user.layout.root.stat().st_mode & 0o777 == 0o700, "nobody else reads what is below it"
    for folder in (user.layout.stacks, user.layout.kubeconfigs):
        assert owned_by_root(folder) == [], "Pulumi and kubectl are the user's own processes"
    assert owned_by_root(user.layout.clusters), "what is the clusters' stays root's"

    inside = user.make("sandbox", f"ARGS=exec --name {user.layout.name} -- id --user")
    assert inside.splitlines()[-1] == str(uid)
    nodes = user.make("sandbox", f"ARGS=exec --name {user.layout.name} -- kubectl --context eu get nodes")
    assert " Ready " in nodes
    assert owned_by_root(user.home) == []

    user.make("down")
    assert owned_by_root(user.home) == []
    assert traces(user.layout) == before
    assert sorted(host() - there) == []
