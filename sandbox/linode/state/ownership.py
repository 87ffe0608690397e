"""Which LKE cluster a load balancer or a volume belongs to, so that it can go with its cluster.

Linode's cloud controller tags load balancers with the cluster's name, "lkeID"; volumes belong to the cluster whose
tag they have, or on whose node they were first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.linode.state.clusters import find_cluster
from sandbox.linode.state.records import NodeRecord

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


def cluster_of_linode(state: Transaction, linode_id: int | None) -> int | None:
    """The cluster that a Linode is a node of."""
    node = None if linode_id is None else state.get(NodeRecord, linode_id)
    return None if node is None else node.cluster_id
