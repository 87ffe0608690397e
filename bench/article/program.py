"""The same by the program: `pulumi up` to the same end, what it waited for, and `pulumi destroy`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from bench.article.costs import Cost, measured
from bench.article.end import check, reach
from bench.article.karmada import KARMADA, kubeconfig
from bench.article.terminal import Terminal
from bench.critical_path import critical_path, steps, waited_for, waits_for
from bench.event_log import followed
from tests.e2e.stack import YES, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.critical_path import Step
    from sandbox.clusters.host.layout import Layout

_HELLO: Final = "hello.submission.deployment"
_CLUSTER: Final = "linode:index/lkeCluster:LkeCluster"
# Config over the checked-in stack's: the article has one sleep, answers from everywhere, and no ingress.
_AS_THE_ARTICLE: Final[Mapping[str, Mapping[str, Any]]] = {
    "workloads": {"sleep": {"replicas": 1}},
    "traffic": {"mode": "global"},
    "ingress": {"enabled": False},
}


def run(layout: Layout, folder: Path, *, half: bool) -> Cost:
    """`pulumi up` from nothing, what it waited for, and `pulumi destroy`; the cost is that of `up` and its calls."""
    stack = Stack(layout=layout, folder=folder)
    stack.configure(layers=["karmada", "workloads"] if half else ["karmada", "mesh", "workloads"], **_AS_THE_ARTICLE)
    log = folder / "events.json"
    with measured(layout, "pulumi up") as cost, followed(log) as events:
        stack.run("up", *YES, f"--event-log={log}")
    terminal = _terminal(layout, folder, stack.outputs())
    begin = time.monotonic()
    reach(terminal, half=half)
    calls = time.monotonic() - begin
    print(f"pulumi up: {cost.wall:.1f} s, and {calls:.1f} s until the end is seen to be reached")
    check(terminal, half=half)
    _explain(steps(events), waits_for(stack.exported()["deployment"]["resources"]), cost.wall)
    with measured(layout, "pulumi destroy"):
        stack.destroy()
    cost.wall += calls
    return cost


def _terminal(layout: Layout, folder: Path, outputs: Mapping[str, Any]) -> Terminal:
    """A shell with the stack's kubeconfigs under the article's names."""
    files = folder / "kubeconfigs"
    files.mkdir(mode=0o700)
    for name, text in outputs["kubeconfigs"].items():
        (files / kubeconfig(name)).write_text(text)
    (files / KARMADA).write_text(outputs["karmadaKubeconfig"])
    return Terminal(layout=layout, folder=files, charts=layout.charts)


def _explain(taken: Mapping[str, Step], before: Mapping[str, set[str]], wall: float) -> None:
    clusters = max(step.ended for urn, step in taken.items() if _CLUSTER in urn)
    print(f"pulumi up: clusters are there after {clusters:.1f} s")
    replicas = next(urn for urn in taken if urn.endswith(f"::{_HELLO}"))
    _path("3 of 3 replicas", taken, before, replicas, taken[replicas].ended)
    last = max((urn for urn in before if urn in taken), key=lambda urn: taken[urn].ended)
    _path("the whole update", taken, before, last, wall)


def _path(what: str, taken: Mapping[str, Step], before: Mapping[str, set[str]], last: str, seconds: float) -> None:
    path = critical_path(taken, before, last)
    print(f"{what}: {seconds:.1f} s, its critical path {path:.1f} s, ratio {seconds / path:.2f}; waited for:")
    for step in waited_for(taken, before, last):
        print(f"  {step.began:6.1f} to {step.ended:6.1f} s, {step.seconds:5.1f} s: {step.name}")
