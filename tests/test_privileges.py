"""What root does for somebody who asked for it by sudo."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from sandbox import privileges
from sandbox.engine.project import CHECKOUT
from sandbox.errors import SandboxError
from sandbox.toolchain.cache import default_cache_folder
from sandbox.toolchain.process import _KEPT_GO_SETTINGS

# Every system has it, and no test becomes it.
USER = pwd.getpwnam("daemon")


@pytest.fixture
def by_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """As sudo starts a process for an ordinary user."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("FLEET_INVOKER_HOME", "FLEET_CACHE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("SUDO_UID", str(USER.pw_uid))
    monkeypatch.setenv("SUDO_USER", USER.pw_name)
    monkeypatch.setenv("SUDO_COMMAND", "/usr/bin/env")


@pytest.mark.usefixtures("by_sudo")
def test_what_is_the_users_runs_as_the_user_with_all_their_groups() -> None:
    assert privileges.as_invoker(["kubectl", "get"]) == [
        *("setpriv", f"--reuid={USER.pw_uid}", f"--regid={USER.pw_gid}", "--init-groups", "--"),
        *("kubectl", "get"),
    ]


@pytest.mark.usefixtures("by_sudo")
def test_the_users_processes_see_the_users_home_and_nothing_of_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "/var/cache/fleet/bytecode")
    monkeypatch.setenv("GOPROXY", "https://proxy.example.test")
    seen = privileges.environment()
    assert (seen["HOME"], seen["USER"], seen["SHELL"]) == (USER.pw_dir, USER.pw_name, USER.pw_shell)
    assert seen["GOPROXY"] == "https://proxy.example.test"
    assert not [name for name in seen if name.startswith("SUDO_") or name == "PYTHONPYCACHEPREFIX"]


@pytest.mark.usefixtures("by_sudo")
def test_root_finds_what_was_built_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(default_cache_folder()) == f"{USER.pw_dir}/.cache/fleet"
    monkeypatch.setenv("FLEET_INVOKER_HOME", "/somewhere")
    assert str(default_cache_folder()) == "/somewhere/.cache/fleet"


def test_root_itself_and_an_ordinary_user_stay_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "0")
    for number in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda number=number: number)
        assert privileges.invoker() is None
        assert privileges.as_invoker(["kubectl"]) == ["kubectl"]
        assert privileges.environment() == dict(os.environ)


@pytest.mark.usefixtures("by_sudo")
def test_a_user_whom_the_system_does_not_know_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "4294000000")
    with pytest.raises(SandboxError, match="knows no name and no home folder"):
        privileges.invoker()


def test_what_says_how_the_network_is_reached_passes_sudo_and_no_value_is_in_the_list_of_processes() -> None:
    given = {
        **dict.fromkeys(("GOPROXY", "HTTPS_PROXY", "no_proxy", "PIP_INDEX_URL", "UV_INDEX_URL"), "reach"),
        **dict.fromkeys(("PULUMI_CONFIG_PASSPHRASE", "XDG_CACHE_HOME", "FLEET_STATE_HOME"), "keep"),
        **dict.fromkeys(("LINODE_TOKEN", "KUBECONFIG", "LD_PRELOAD", "PYTHONPATH"), "drop"),
        "PATH": "/home/somebody/bin:/bin",
        "HOME": "/home/somebody",
    }
    sudo, kept, _, *rest = privileges.root_command(["python", "-m", "sandbox"], given)
    assert sudo == "sudo"
    assert set(kept.removeprefix("--preserve-env=").split(",")) == {
        name for name, value in given.items() if value in ("reach", "keep")
    }
    assert rest == [
        *("env", "PATH=/home/somebody/bin:/bin", "FLEET_INVOKER_HOME=/home/somebody"),
        *("PYTHONPYCACHEPREFIX=/var/cache/fleet/bytecode", "python", "-m", "sandbox"),
    ]


def test_every_setting_of_go_that_a_build_heeds_passes_sudo() -> None:
    kept = privileges.root_command([], dict.fromkeys(_KEPT_GO_SETTINGS, "set"))[1]
    assert set(kept.removeprefix("--preserve-env=").split(",")) >= _KEPT_GO_SETTINGS


@pytest.mark.usefixtures("by_sudo")
def test_a_folder_is_handed_over_with_all_in_it_and_nothing_that_a_link_leads_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ours" / "below").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for file in ("ours/one", "ours/below/two", "elsewhere/three"):
        (tmp_path / file).touch()
    (tmp_path / "ours" / "link").symlink_to(tmp_path / "elsewhere")
    given: set[str] = set()

    def chown(place: str, uid: int, gid: int, *, dir_fd: int, follow_symlinks: bool) -> None:
        assert (uid, gid, follow_symlinks) == (USER.pw_uid, USER.pw_gid, False)
        given.add(os.path.normpath(Path(f"/proc/self/fd/{dir_fd}").readlink() / place))

    monkeypatch.setattr(os, "chown", chown)
    privileges.hand_over(tmp_path / "ours")
    names = ("ours", "ours/one", "ours/link", "ours/below", "ours/below/two")
    assert given == {str(tmp_path / name) for name in names}


def test_make_up_builds_before_it_asks_for_root() -> None:
    printed = subprocess.run(
        ["make", "--dry-run", "ROOT=become-root", "up"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split(" -m ", 1) for line in printed.splitlines() if "fleet " in line and " -m sandbox" in line]
    assert [line[1] for line in lines] == [
        "sandbox fleet prepare --name local",
        "sandbox fleet up --name local --plugins auto",
    ]
    assert not lines[0][0].startswith("become-root")
    assert lines[1][0].startswith("become-root ")
