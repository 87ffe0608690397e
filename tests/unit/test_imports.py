"""What the program imports before it plans anything: every preview waits for it, and so does every update."""

import subprocess
import sys

from tests.unit.configs import ROOT

ASKS_CLUSTERS = ("kubernetes", "fleet.lke.api_client")
"""Needed once a cluster is there to be asked; the client alone took as long as everything else together."""


def test_the_program_is_imported_without_what_only_an_update_needs() -> None:
    code = f"import sys, fleet.fleet; print([name for name in {ASKS_CLUSTERS} if name in sys.modules])"
    # A process of its own, since other tests have imported everything here.
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
