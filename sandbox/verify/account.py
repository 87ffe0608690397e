"""What the emulated account of a sandbox says, asked from where its clients are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.clusters.host.subprocesses import inside, run
from sandbox.clusters.network.plan import LINODE_API

if TYPE_CHECKING:
    from sandbox.clusters.host.layout import Layout


def ask(layout: Layout, path: str) -> Any:
    """What the Linode API answers below /v4, as JSON. Raises CommandError."""
    # The token goes in by standard input, where no list of processes shows it.
    settings = f'header = "Authorization: Bearer {layout.token.read_text()}"\n'
    line = ["curl", "--silent", "--show-error", "--fail-with-body", "--config", "-", "--max-time", "10"]
    return json.loads(run(*inside(layout.wan, [*line, f"{LINODE_API}/v4/{path}"]), stdin=settings))


def listed(layout: Layout, path: str) -> list[dict[str, Any]]:
    """A list of the account's. Raises CommandError."""
    found: list[dict[str, Any]] = ask(layout, f"{path}?page_size=500")["data"]
    return found
