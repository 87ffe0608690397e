"""Event logs of the real engine: what it plans for three changes of deployed stacks, trimmed by `trimming.py`.

`python -m tests.review.record` makes them anew, as root.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

ADD_A_REGION: Final = "add-a-region"
CHANGE_WEIGHTS: Final = "change-weights"
SHRINK_A_POOL: Final = "shrink-a-pool"
NAMES: Final = (ADD_A_REGION, CHANGE_WEIGHTS, SHRINK_A_POOL)


def recording(name: str) -> Path:
    """The file of one recording: an event log, one event a line."""
    return Path(__file__).parent / f"{name}.json"
