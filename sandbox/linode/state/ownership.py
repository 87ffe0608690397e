"""Which LKE cluster a load balancer belongs to: Linode's cloud controller tags it with the cluster's name, "lkeID"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.linode.state.clusters import find_cluster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.linode.state.store import Transaction

_CLUSTER_NAME = re.compile(r"lke(\d{1,18})")


def cluster_of_tags(state: Transaction, tags: Iterable[str]) -> int | None:
    """The cluster that a tag names."""
    for tag in tags:
        match = _CLUSTER_NAME.fullmatch(tag)
        if match and find_cluster(state, int(match.group(1))):
            return int(match.group(1))
    return None
