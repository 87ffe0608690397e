"""Keeps NodeBalancers at what the account has: one worker for all of them, poked after every change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.linode.retrying import persistently
from sandbox.linode.state.balancers import balancer_specifications

if TYPE_CHECKING:
    from sandbox.linode.account import Account


class Balancing:
    """Drives the balancer backend of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take up every load balancer that the state knows."""
        self._wake.set()
        self._worker = asyncio.create_task(self._follow())

    def poke(self) -> None:
        """Say that a load balancer has changed, is new or is gone."""
        self._wake.set()

    async def stop(self) -> None:
        """Stop working; load balancers stay as they are."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _follow(self) -> None:
        while await self._wake.wait():
            self._wake.clear()
            await persistently(self._reconcile, "NodeBalancers")

    async def _reconcile(self) -> None:
        with self._account.store.transaction() as state:
            wanted = balancer_specifications(state)
        await self._account.balancers.reconcile(wanted)
