"""Keeps the backend at what the API's users asked for: one worker for each cluster, poked after every change.

A worker reads the cluster's desired state afresh for each attempt, so it always works towards the newest; it tries for
ever with growing pauses, but for what cannot succeed. A deleted cluster's worker is cancelled and replaced by one that
removes it. Nodes that wait to be recycled are replaced one by one, each when the one before is ready, as Linode does.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from sandbox.linode.balancing import Balancing
from sandbox.linode.retrying import persistently
from sandbox.linode.state.addresses import reclaim, released
from sandbox.linode.state.clusters import find_cluster, nodes_of_cluster, purge, replace_next, specification
from sandbox.linode.state.records import ClusterRecord

if TYPE_CHECKING:
    from sandbox.linode.account import Account

_READINESS_PERIOD = 0.5
"""Seconds between two looks at whether a recycled node is ready."""


class Reconciler:
    """Drives the backend of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.balancing = Balancing(account)
        self._wake: dict[int, asyncio.Event] = {}
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._turns: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self) -> None:
        """Take up every cluster that the state knows, the half removed ones too."""
        with self._account.store.transaction() as state:
            clusters = state.all(ClusterRecord)
        for cluster in clusters:
            self.poke(cluster.id)
        self.balancing.start()

    def poke(self, cluster_id: int) -> None:
        """Say that a cluster has changed, or is to be removed."""
        with self._account.store.transaction() as state:
            cluster = state.get(ClusterRecord, cluster_id)
        worker = self._workers.get(cluster_id)
        if cluster is not None and cluster.deleting:
            self._workers[cluster_id] = asyncio.create_task(self._remove(cluster_id, after=worker))
        elif worker is None or worker.done():
            self._wake[cluster_id] = asyncio.Event()
            self._wake[cluster_id].set()
            self._workers[cluster_id] = asyncio.create_task(self._follow(cluster_id))
        else:
            self._wake[cluster_id].set()

    async def rotate_credentials(self, cluster_id: int) -> None:
        """Replace a cluster's token, when nothing else is being done to the cluster.

        Raises BackendError if the cluster is not there yet.
        """
        async with self._turns[cluster_id]:
            await self._account.backend.rotate_credentials(cluster_id)

    async def stop(self) -> None:
        """Stop all workers and let go of the backend."""
        for worker in self._workers.values():
            worker.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        await self.balancing.stop()
        await self._account.backend.close()

    async def _follow(self, cluster_id: int) -> None:
        """Reconcile a cluster after every poke."""
        wake = self._wake[cluster_id]
        while await wake.wait():
            wake.clear()
            if await persistently(lambda: self._reconcile(cluster_id), f"cluster {cluster_id}"):
                await self._recycle(cluster_id, wake)

    async def _reconcile(self, cluster_id: int) -> None:
        with self._account.store.transaction() as state:
            cluster = find_cluster(state, cluster_id)
            if cluster is None:
                return
            given_up = released(state, cluster_id)
            wanted = specification(state, cluster, self._account.catalogue)
        async with self._turns[cluster_id]:
            await self._account.backend.reconcile(wanted)
        with self._account.store.transaction() as state:
            reclaim(state, given_up)

    async def _recycle(self, cluster_id: int, wake: asyncio.Event) -> None:
        """Replace the next node that waits for it, once the cluster is whole."""
        with self._account.store.transaction() as state:
            nodes = nodes_of_cluster(state, cluster_id)
        if not any(node.recycling for node in nodes):
            return
        fresh = {node.node_id for node in nodes if not node.recycling}
        while not fresh <= (await self._account.status(cluster_id)).ready:
            await asyncio.sleep(_READINESS_PERIOD)
            if wake.is_set():
                return
        with self._account.store.transaction() as state:
            cluster = find_cluster(state, cluster_id)
            if cluster is not None and replace_next(state, cluster, now=self._account.timestamp()):
                wake.set()

    async def _remove(self, cluster_id: int, *, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            after.cancel()
            await asyncio.gather(after, return_exceptions=True)
        backend = self._account.backend
        async with self._turns[cluster_id]:
            if not await persistently(lambda: backend.delete(cluster_id), f"removing cluster {cluster_id}"):
                return
        with self._account.store.transaction() as state:
            purge(state, cluster_id)
        del self._workers[cluster_id], self._turns[cluster_id]
