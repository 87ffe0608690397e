"""Ctrl-C in the middle of `make up`."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Final

from sandbox.engine.project import CHECKOUT

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from sandbox.clusters.host.layout import Layout

_END_SECONDS: Final = 300.0


def stop_at(line: re.Pattern[str], layout: Layout, *, say: Callable[[str], None]) -> str:
    """Run what `make up` runs until it prints such a line, then stop it as Ctrl-C does. Returns all that it said.

    Raises:
        AssertionError: it ended by itself before.

    """
    command = [sys.executable, "-m", "sandbox", "fleet", "up", "--name", layout.name]
    said = []
    stopped = False
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        patience = threading.Timer(_END_SECONDS, process.kill)
        for shown in process.stdout:
            said.append(shown)
            if not stopped and line.search(shown):
                stopped = True
                say(f"Ctrl-C at: {shown.strip()}")
                process.send_signal(signal.SIGINT)
                patience.start()
            elif shown.startswith("["):
                say(shown.rstrip())
        process.wait()
        patience.cancel()
    everything = "".join(said)
    assert stopped, f"it ended by itself before:\n{everything[-4000:]}"
    assert process.returncode > 0, f"it did not end, or was not stopped:\n{everything[-4000:]}"
    return everything
