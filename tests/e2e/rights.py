"""Root that stays root, also where somebody asked for it by sudo."""

from __future__ import annotations

import os

from sandbox.engine.project import CHECKOUT
from sandbox.privileges import ASKED, invoker
from sandbox.toolchain.cache import default_cache_folder


def stay_root() -> None:
    """Run whatever follows as root itself, with the tools that were built for who asked.

    Tests and benches keep their files where no ordinary user reads; test_ordinary_user.py is a user of its own.
    """
    if invoker() is None:
        return
    os.environ["FLEET_CACHE_HOME"] = str(default_cache_folder())
    for name in (*ASKED, "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        os.environ.pop(name, None)
    # By SUDO_UID alone Git knows that a checkout of who asked is no stranger's (git-config(1), safe.directory).
    os.environ |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(CHECKOUT)}
