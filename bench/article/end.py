"""The end that both ways come to, and that each is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.article import istio, karmada
from bench.article.karmada import REGIONS
from fleet.mesh.values import CROSS_NETWORK_PORT

if TYPE_CHECKING:
    from bench.article.terminal import Terminal


class WrongEndError(Exception):
    """The sequence came to another end than it should."""


def reach(terminal: Terminal, *, half: bool) -> None:
    """Wait for the end of the sequence, as the sequence does. Raises NotYetError."""
    terminal.until(lambda: karmada.spread(terminal) == dict.fromkeys(REGIONS, 1), "3 of 3 replicas run")
    if not half:
        terminal.until(lambda: istio.answering(terminal) == set(REGIONS), "all regions answer")


def check(terminal: Terminal, *, half: bool) -> None:
    """Look at it once more. Raises WrongEndError with what is seen instead."""
    members, spread = karmada.ready(terminal), karmada.spread(terminal)
    if members != set(REGIONS) or spread != dict.fromkeys(REGIONS, 1):
        raise WrongEndError(f"members {members} are Ready and run {spread}")
    print(f"seen: members {', '.join(sorted(members))} are Ready, and each runs 1 of 3 replicas")
    if half:
        return
    sent = istio.sent_elsewhere(terminal)
    through = {address: count for (address, port), count in sent.items() if port == CROSS_NETWORK_PORT and count}
    if len(through) != len(sent) or len(through) != len(REGIONS) - 1:
        raise WrongEndError(f"calls should leave for the gateway of each other region alone: {sent}")
    ways = ", ".join(f"{address} ({count})" for address, count in sorted(through.items()))
    print(f"seen: sleep's calls of other regions went through their gateways, {ways}")
