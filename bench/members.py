"""How the cost of previews and updates grows with the number of members: `python -m bench.members [MEMBERS...]`.

3, 10, 30 and 60 members by default, all layers, nothing asked for on the network, and no cluster. Each preview is the
whole command, from Python's start to Pulumi's exit code. Prints a Markdown table; the last column is to fall or to
stay, since the mesh itself needs a remote secret for each ordered pair of members.

`sudo python -m bench.members --update [MEMBERS...]` does what is previewed: 3 and 10 members by default, each a real
cluster of about a GiB. The second update of each changes nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from sandbox.clusters.host.layout import Layout
from sandbox.engine.project import CHECKOUT
from sandbox.local import lifecycle
from sandbox.toolchain import tool_path
from tests.e2e.rights import stay_root
from tests.e2e.stack import Stack, checked_in

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME: Final = "benchmembers"
_STACK: Final = "bench"
_PREVIEWED: Final = (3, 10, 30, 60)
_UPDATED: Final = (3, 10)
_REGIONS: Final = ("eu-west", "ap-south", "us-west")


def main() -> None:
    """Measure fleets of growing size."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("members", type=int, nargs="*")
    arguments.add_argument("--update", action="store_true", help="updates on real clusters instead of previews")
    options = arguments.parse_args()
    stay_root()
    for tool in ("pulumi", "pulumi-resource-kubernetes"):
        tool_path(tool)
    if options.update:
        updates(options.members or _UPDATED)
    else:
        previews(options.members or _PREVIEWED)


def previews(counts: Iterable[int]) -> None:
    """Preview fleets of these numbers of members."""
    print("| members | remote secrets | resources | preview, s | ms a resource | ms a remote secret |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for count in counts:
        resources, seconds = preview(count)
        print(f"| {_per_count(count, resources, seconds)} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    print(f"\nlargest process: {peak:.2f} GiB")


def updates(counts: Iterable[int]) -> None:
    """Bring fleets of these numbers of members up, each on a sandbox of its own."""
    print("| members | remote secrets | resources | update, s | ms a resource | ms a remote secret | again, s | load |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for count in counts:
        resources, seconds, again = update(count)
        shown = f"{_per_count(count, resources, seconds)} | {again:.1f} | {os.getloadavg()[0]:.1f}"
        print(f"| {shown} |", flush=True)


def _per_count(members: int, resources: int, seconds: float) -> str:
    secrets = members * (members - 1)
    milliseconds = seconds * 1000
    each = f"{milliseconds / resources:.0f} | {milliseconds / secrets:.0f}"
    return f"{members} | {secrets} | {resources} | {seconds:.1f} | {each}"


def update(members: int) -> tuple[int, float, float]:
    """Bring a fleet of so many members up. Returns its resources, and the seconds that it took, and once again."""
    layout = Layout(_NAME)
    lifecycle.down(layout)
    try:
        lifecycle.up(layout, say=lambda line: print(line, file=sys.stderr))
        with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
            stack = Stack(layout=layout, folder=Path(folder))
            # None takes the checked-in clusters out.
            wanted = dict.fromkeys(checked_in()["clusters"]) | clusters(members)
            begun = time.monotonic()
            stack.up(clusters=wanted)
            seconds = time.monotonic() - begun
            begun = time.monotonic()
            said = stack.up(clusters=wanted)
            again = time.monotonic() - begun
        if (unchanged := re.search(r"^ +(\d+) unchanged", said, re.MULTILINE)) is None or "created" in said:
            raise SystemExit(f"the second update of {members} members changed something: {said[-4000:]}")
        return int(unchanged[1]), seconds, again
    finally:
        lifecycle.down(layout)


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
    """The config of a fleet with so many members."""
    return {
        "fleet:clusters": clusters(members),
        "fleet:tags": {"owner": "bench", "environment": "bench"},
        "fleet:guardrails": {"profile": "development", "levels": {"control-plane-acl": "disabled"}},
    }


def clusters(members: int) -> dict[str, Any]:
    """A manager, and so many members over three regions, each in a network of its own."""
    pools = {"main": {"type": "g6-standard-2", "count": 1}}
    found: dict[str, Any] = {"cluster-manager": {"role": "manager", "region": _REGIONS[0], "pools": pools}}
    for number in range(members):
        region = _REGIONS[number % len(_REGIONS)]
        found[f"member-{number}"] = {"region": region, "network": f"network{number}", "pools": pools}
    return found


if __name__ == "__main__":
    main()
