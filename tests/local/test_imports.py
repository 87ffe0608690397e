"""What every command of the sandbox loads before it does anything."""

from __future__ import annotations

import subprocess
import sys

from sandbox.engine.project import CHECKOUT

NEEDED_BY_FEW = ("pulumi", "pulumi_kubernetes", "pulumi_linode", "kubernetes", "auditwheel", "uvicorn")
"""Two seconds of a processor, of three that a command took before its first word."""


def test_a_command_starts_without_what_few_of_them_need() -> None:
    code = f"import sys, sandbox.cli; print([name for name in {NEEDED_BY_FEW} if name in sys.modules])"
    # A process of its own, since other tests have imported everything here.
    ended = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
