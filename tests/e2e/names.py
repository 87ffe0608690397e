"""What the tests' sandboxes are called: by the checkout, so that two checkouts can be tested at once."""

from __future__ import annotations

import hashlib
import os

from sandbox.clusters.host.layout import Layout
from sandbox.engine.project import CHECKOUT


def own(name: str) -> Layout:
    """A sandbox of this checkout's own: `fleet` gives `fleet1a2b3c4d`. The next run finds what a killed one left."""
    return Layout(f"{name}{hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:8]}")
