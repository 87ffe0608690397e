"""What is wrong with a sandbox, and why: of its processes, its clusters and their nodes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import requests
from linode_api4 import LinodeClient, LKECluster
from linode_api4.errors import ApiError, UnexpectedResponseError

from sandbox.clusters.host.processes import recall
from sandbox.clusters.network.plan import LINODE_API
from sandbox.local.lifecycle import DAEMON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.processes import Running

# A process that was restarted this recently, and not for the first time, is likely to end again.
_UNSTABLE_SECONDS: Final = 60.0
_TAIL_BYTES: Final = 16 * 1024


class State(Enum):
    """How something is."""

    WELL = "well"
    COMING = "coming up"
    ILL = "unhealthy"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How one part of the sandbox is; `why` is for what is not well."""

    part: str
    state: State
    detail: str
    why: str = ""


def examine(layout: Layout) -> list[Finding]:
    """How every part is. The caller is inside the sandbox's network."""
    findings = [_process(layout, layout.daemon)]
    findings += [_process(layout, path) for path in sorted(layout.units.glob("*.json"))]
    if findings[0].state is State.WELL:
        findings += _clusters(layout)
    return findings


def _process(layout: Layout, path: Path) -> Finding:
    running = recall(path)
    log = layout.logs / f"{path.stem}.log"
    if running is None or not running.alive:
        return Finding(part=path.stem, state=State.ILL, detail="does not run", why=_last_words(log))
    if running.restarts > 1 and time.time() - running.started < _UNSTABLE_SECONDS:
        again = f"ended {running.restarts} times"
        return Finding(part=path.stem, state=State.ILL, detail=again, why=_last_words(log))
    return Finding(part=path.stem, state=State.WELL, detail=_describe(running))


def _describe(running: Running) -> str:
    restarts = f", restarted {running.restarts} times" if running.restarts else ""
    return f"process {running.pid} for {_duration(time.time() - running.started)}{restarts}"


def _clusters(layout: Layout) -> Iterator[Finding]:
    client = LinodeClient(layout.token.read_text(), base_url=f"{LINODE_API}/v4")
    try:
        for cluster in client.lke.clusters():
            states = [node.status for pool in LKECluster(client, cluster.id).pools for node in pool.nodes]
            ready = states.count("ready")
            yield Finding(
                part=f"cluster {cluster.label}",
                state=State.WELL if ready == len(states) else State.COMING,
                detail=f"lke{cluster.id} in {cluster.region.id}, {ready} of {len(states)} nodes ready",
                why="" if ready == len(states) else _trouble(layout, cluster.id),
            )
    except (ApiError, UnexpectedResponseError, requests.RequestException) as error:
        why = str(error) or type(error).__name__
        yield Finding(part="Linode API", state=State.ILL, detail=f"{LINODE_API} does not answer", why=why)
    else:
        yield Finding(part="Linode API", state=State.WELL, detail=LINODE_API)


def _trouble(layout: Layout, cluster_id: int) -> str:
    """What the sandbox's process said last about a cluster that is not up, or a controller of the cluster's."""
    names = (f"cluster {cluster_id}:", f"lke{cluster_id}:")
    said = [line for line in _tail(layout.logs / f"{DAEMON}.log") if any(name in line for name in names)]
    return said[-1] if said else f"see lke{cluster_id}.* in {layout.logs}"


def _last_words(log: Path) -> str:
    """The last line of a log that says something went wrong, or else its very last line."""
    lines = _tail(log)
    # klog begins errors with E and fatal errors with F; the others name their level.
    bad = [line for line in lines if line[:1] in "EF" or '"level":"fatal"' in line or "level=fatal" in line]
    return (bad or lines or [f"{log} says nothing"])[-1]


def _tail(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - _TAIL_BYTES, 0))
            return file.read().decode(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return []


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
