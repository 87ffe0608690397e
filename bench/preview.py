"""How long `make preview` takes with a warm toolchain: `python -m bench.preview [RUNS]`, five by default.

Each run is the whole command, from Python's start to Pulumi's exit code, of stacks dev and prod, with
nothing asked for on the network. Prints the median and all runs, in seconds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from sandbox.toolchain import tool_path

STACKS = ("dev", "prod")


def main(runs: int) -> None:
    """Measure both stacks."""
    for tool in ("pulumi", "pulumi-resource-kubernetes"):
        tool_path(tool)
    for stack in STACKS:
        seconds = [_preview(stack) for _ in range(runs)]
        shown = ", ".join(f"{each:.1f}" for each in seconds)
        print(f"{stack}: median of {runs} {statistics.median(seconds):.1f} s ({shown})")


def _preview(stack: str) -> float:
    command = [sys.executable, "-m", "sandbox", "pulumi", "--stack", stack, "--plugins", "offline", "--", "preview"]
    started = time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
