"""What guardrails add to a preview: `python -m bench.guardrails [RUNS]`, five by default.

Previews of stack prod with and without the policy pack, turn by turn, so that a machine's other work falls on both.
Prints both medians in seconds and their ratio.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from sandbox.engine import Mode, Project, Request, Workspace, run

STACK = "prod"


def main(runs: int) -> None:
    """Measure both in turns, after one of each that warms up."""
    project = Project()
    ways = {"without guardrails": (), "with guardrails": project.policy_packs}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(project=project, folder=Path(folder))
        for turn in range(runs + 1):
            for way, packs in ways.items():
                request = Request(
                    stack=STACK,
                    arguments=("preview", "--non-interactive"),
                    mode=Mode.OFFLINE,
                    policy_packs=packs,
                    log=Path(folder) / "log",
                )
                started = time.monotonic()
                if run(request, workspace, say=lambda _: None) != 0:
                    sys.exit((Path(folder) / "log").read_text())
                if turn:
                    seconds[way].append(time.monotonic() - started)
    medians = {way: statistics.median(taken) for way, taken in seconds.items()}
    for way, taken in seconds.items():
        shown = ", ".join(f"{each:.1f}" for each in taken)
        print(f"{STACK} {way}: median of {runs} {medians[way]:.1f} s ({shown})")
    print(f"ratio {medians['with guardrails'] / medians['without guardrails']:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
