"""How the cost of a preview grows with the number of members: `python -m bench.members [MEMBERS...]`.

3, 10, 30 and 60 members by default, all layers, with stand-in plugins and no cluster. Each preview is the whole
command, from Python's start to Pulumi's exit code. Prints a Markdown table; the last column is to fall or to stay,
since the mesh itself needs a remote secret for each ordered pair of members.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.engine.project import CHECKOUT
from sandbox.toolchain import tool_path

_STACK: Final = "bench"
_MEMBERS: Final = (3, 10, 30, 60)
_REGIONS: Final = ("eu-west", "ap-south", "us-west")


def main(counts: list[int]) -> None:
    """Preview fleets of growing size."""
    tool_path("pulumi")
    print("| members | remote secrets | resources | preview, s | ms a resource | ms a remote secret |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for count in counts:
        resources, seconds = preview(count)
        secrets = count * (count - 1)
        milliseconds = seconds * 1000
        shown = f"{seconds:.1f} | {milliseconds / resources:.0f} | {milliseconds / secrets:.0f}"
        print(f"| {count} | {secrets} | {resources} | {shown} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    print(f"\nlargest process: {peak:.2f} GiB")


def preview(members: int) -> tuple[int, float]:
    """Preview a fleet of so many members. Returns its resources, and the seconds that it took."""
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        project = Path(folder, "project")
        project.mkdir()
        for name in ("Pulumi.yaml", "__main__.py", "fleet", "policies", ".venv"):
            (project / name).symlink_to(CHECKOUT / name)
        (project / f"Pulumi.{_STACK}.yaml").write_text(yaml.safe_dump({"config": config(members)}))
        places = ["--stack", _STACK, "--project", str(project), "--state", str(Path(folder, "state"))]
        command = [sys.executable, "-m", "sandbox", "pulumi", *places, "--plugins", "offline", "--", "preview"]
        begun = time.monotonic()
        done = subprocess.run(
            command, cwd=CHECKOUT, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        seconds = time.monotonic() - begun
    found = re.search(r"\+ (\d+) to create", done.stdout)
    if done.returncode != 0 or found is None:
        raise SystemExit(f"the preview of {members} members failed: {done.stdout[-4000:]}")
    return int(found[1]), seconds


def config(members: int) -> dict[str, Any]:
    """The config of a fleet with so many members, over three regions, each in a network of its own."""
    pools = {"main": {"type": "g6-standard-2", "count": 1}}
    clusters: dict[str, Any] = {"cluster-manager": {"role": "manager", "region": _REGIONS[0], "pools": pools}}
    for number in range(members):
        region = _REGIONS[number % len(_REGIONS)]
        clusters[f"member-{number}"] = {"region": region, "network": f"network{number}", "pools": pools}
    return {
        "fleet:clusters": clusters,
        "fleet:tags": {"owner": "bench", "environment": "bench"},
        "fleet:guardrails": {"profile": "development", "levels": {"control-plane-acl": "disabled"}},
    }


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or list(_MEMBERS))
