"""What the program's imports cost before it plans anything: `python -m bench.imports [RUNS]`, nine by default.

Each run is a process of its own that imports `fleet.fleet`. Prints the median and the least of its processor seconds,
with byte code that is there, and with none, as where PYTHONDONTWRITEBYTECODE is set and nothing has compiled it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

_IMPORT = """
import resource, fleet.fleet
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""


def main(runs: int) -> None:
    """Measure both, each with byte code of its own."""
    base = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        kept = base | {"PYTHONPYCACHEPREFIX": folder}
        _seconds(kept)
        _report("with byte code", [_seconds(kept) for _ in range(runs)])
        none = base | {"PYTHONPYCACHEPREFIX": f"{folder}/none", "PYTHONDONTWRITEBYTECODE": "1"}
        _report("without", [_seconds(none) for _ in range(runs)])


def _seconds(environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", _IMPORT]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def _report(title: str, seconds: list[float]) -> None:
    print(f"{title}: median of {len(seconds)} {statistics.median(seconds):.2f} s, at least {min(seconds):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
