"""Clients inside a sandbox's network are processes of who asked for root, with no right of root's."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from sandbox.clusters.network.links import delete_namespace, ensure_wan
from sandbox.engine.project import CHECKOUT
from tests.e2e.names import own

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout

pytestmark = pytest.mark.privileged

# Whom every system has, and who owns nothing.
USER: Final = pwd.getpwnam("nobody")


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """A sandbox of which only the network and the account's token are there."""
    # The user has to reach the folder; pytest's are root's alone.
    tmp_path.parent.parent.chmod(0o711)
    tmp_path.parent.chmod(0o711)
    tmp_path.chmod(0o711)
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path))
    layout = own("rights")
    layout.kubeconfigs.mkdir(parents=True)
    layout.root.chmod(0o700)
    for secret in (layout.token, layout.kubeconfigs / "eu.kubeconfig"):
        secret.touch(mode=0o600)
        secret.write_text("secret")
    ensure_wan(layout.wan)
    try:
        yield layout
    finally:
        delete_namespace(layout.wan)


def test_a_command_in_the_network_is_the_users_and_reads_what_is_the_users_alone(network: Layout) -> None:
    script = f"""
        id --user; id --groups; grep CapEff /proc/self/status; ip -brief address | grep -c 192.0.2.
        echo "$HOME $LINODE_TOKEN"; env | grep -c SUDO
        cat "$KUBECONFIG"; echo; cat {network.token} 2>&1
    """
    line = [sys.executable, "-m", "sandbox", "exec", "--name", network.name, "--", "sh", "-c", script]
    asked = {"SUDO_UID": str(USER.pw_uid), "SUDO_GID": str(USER.pw_gid), "SUDO_USER": USER.pw_name}
    done = subprocess.run(line, cwd=CHECKOUT, env=os.environ | asked, capture_output=True, text=True, check=False)
    uid, groups, capabilities, addresses, account, of_sudo, kubeconfig, refused = done.stdout.splitlines()
    assert (uid, groups) == (str(USER.pw_uid), str(USER.pw_gid))
    assert int(capabilities.split()[1], 16) == 0
    assert int(addresses) > 0, "it is inside"
    assert account == f"{USER.pw_dir} secret", "the account is given by the environment"
    assert of_sudo == "0"
    assert kubeconfig == "secret"
    assert "Permission denied" in refused, "what is root's stays root's"
