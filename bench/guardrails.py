"""What guardrails add to a preview: `python -m bench.guardrails [RUNS]`, five by default.

Previews of stack prod with and without the policy pack, turn by turn, so that a machine's other work falls on both.
Prints the medians of elapsed and of processor time, in seconds, and their ratios.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.engine import Mode, Project, Request, Workspace, run

if TYPE_CHECKING:
    from collections.abc import Sequence

STACK = "prod"


def main(runs: int) -> None:
    """Measure both in turns, after one of each that warms up."""
    project = Project()
    ways = {"without guardrails": (), "with guardrails": project.policy_packs}
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(project=project, folder=Path(folder))
        for turn in range(runs + 1):
            for way, packs in ways.items():
                taken = _preview(workspace, packs)
                if turn:
                    seconds[way].append(taken)
    medians = {way: [statistics.median(kind) for kind in zip(*taken, strict=True)] for way, taken in seconds.items()}
    for way, (elapsed, processor) in medians.items():
        shown = ", ".join(f"{each:.1f}" for each, _ in seconds[way])
        print(f"{STACK} {way}: median of {runs} {elapsed:.1f} s ({shown}), processor {processor:.1f} s")
    without, guarded = medians.values()
    ratios = [after / before for before, after in zip(without, guarded, strict=True)]
    print(f"ratio {ratios[0]:.2f}, of processor time {ratios[1]:.2f}")


def _preview(workspace: Workspace, packs: Sequence[Path]) -> tuple[float, float]:
    """Elapsed and processor time of one preview."""
    log = workspace.folder / "log"
    arguments = ("preview", "--non-interactive")
    request = Request(stack=STACK, arguments=arguments, mode=Mode.OFFLINE, policy_packs=packs, log=log)
    started, used = time.monotonic(), _processor()
    if run(request, workspace, say=lambda _: None) != 0:
        sys.exit(log.read_text())
    return time.monotonic() - started, _processor() - used


def _processor() -> float:
    """What the commands that ended so far have used, with everything that they started."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
