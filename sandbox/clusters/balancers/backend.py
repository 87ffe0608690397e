"""The NodeBalancers behind the emulated Linode API: its asynchronous seam over what here blocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.clusters.balancers.process import NodeBalancer
from sandbox.errors import SandboxError
from sandbox.linode.backend import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.supervision import Supervisor
    from sandbox.linode.balancers import BalancerSpec


class ProcessBalancers:
    """Implements BalancerBackend with a process for each."""

    def __init__(self, layout: Layout, supervisor: Supervisor) -> None:
        self._layout = layout
        self._supervisor = supervisor
        self._made: dict[int, BalancerSpec] = {}

    async def reconcile(self, balancers: Sequence[BalancerSpec]) -> None:
        """Make these the NodeBalancers that there are; one that is as it was is left alone."""
        await asyncio.to_thread(self._reconcile, balancers)

    async def answering(self, balancer_id: int) -> frozenset[tuple[int, str]] | None:
        """The backends that answer, by what the process itself found."""
        spec = self._made.get(balancer_id)
        if spec is None:
            return None
        return await asyncio.to_thread(self._balancer(balancer_id).answering, spec)

    def _reconcile(self, balancers: Sequence[BalancerSpec]) -> None:
        problems = []
        wanted = {balancer.id: balancer for balancer in balancers}
        present = {int(folder.name) for folder in self._layout.balancers.glob("*")}
        for balancer_id in sorted(present - wanted.keys()):
            try:
                self._balancer(balancer_id).remove()
                self._made.pop(balancer_id, None)
            except (SandboxError, OSError) as error:
                problems.append(str(error))
        for balancer_id, spec in wanted.items():
            if self._made.get(balancer_id) == spec:
                continue
            try:
                self._balancer(balancer_id).ensure(spec)
                self._made[balancer_id] = spec
            except (SandboxError, OSError) as error:
                self._made.pop(balancer_id, None)
                problems.append(str(error))
        if problems:
            raise BackendError(" ".join(problems))

    def _balancer(self, balancer_id: int) -> NodeBalancer:
        return NodeBalancer(balancer_id, self._layout, self._supervisor)
