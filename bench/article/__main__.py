"""The article's sequence of commands and `pulumi up`, one after the other on the same sandbox, and the ratio.

`sudo python -m bench.article [--half] [--up-first]`, with a warm toolchain. `--half` stops at 3 of 3 replicas in three
regions, before Istio; the whole at calls from sleep that all three regions answer. Prints wall time, processor time and
memory of both, and what `up` waited for. The seconds in which a cluster is only looked at are part of either way.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.article import istio, karmada, program
from bench.article.costs import Cost, measured
from bench.article.end import check
from bench.article.terminal import Terminal
from sandbox.clusters.host.layout import Layout
from sandbox.local import lifecycle
from tests.e2e.clients import AccountClient, eventually
from tests.e2e.rights import stay_root
from tests.e2e.stack import checked_in

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME: Final = "bencharticle"


def main() -> None:
    """Measure both ways."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--half", action="store_true", help="stop before Istio")
    arguments.add_argument("--up-first", action="store_true", help="pulumi up before the article")
    options = arguments.parse_args()
    stay_root()
    os.environ["PULUMI_DEBUG_COMMANDS"] = "true"  # for --event-log
    layout = Layout(_NAME)
    lifecycle.down(layout)
    try:
        lifecycle.up(layout, say=print)
        with tempfile.TemporaryDirectory(prefix="fleet-bench-") as scratch:
            costs: dict[Callable[..., Cost], Cost] = {}
            for way in (program.run, by_article) if options.up_first else (by_article, program.run):
                folder = Path(scratch, str(len(costs)))
                folder.mkdir()
                costs[way] = way(layout, folder, half=options.half)
        ratio = costs[program.run].wall / costs[by_article].wall
        print(f"pulumi up takes {ratio:.2f} of the time of the article's sequence")
    finally:
        lifecycle.down(layout)


def by_article(layout: Layout, folder: Path, *, half: bool) -> Cost:
    """The article's commands, and its clusters deleted again."""
    terminal = Terminal(layout=layout, folder=folder, charts=layout.charts)
    with measured(layout, "article") as cost:
        karmada.run(terminal)
        if not half:
            config = checked_in()
            mesh, sleep = config["mesh"], config["workloads"]["sleep"]
            istio.run(terminal, mesh["istiodValues"], config["eastWest"]["values"], sleep["image"])
    print(f"article: {terminal.commands} commands, those that only look included")
    check(terminal, half=half)
    account = AccountClient(layout=layout, folder=folder)
    for cluster in account.call("GET", "lke/clusters")["data"]:
        account.delete(cluster["id"])
    eventually(lambda: account.left() == {}, "the article's clusters are gone")
    return cost


if __name__ == "__main__":
    main()
