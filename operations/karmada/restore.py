"""A snapshot replaces what a control plane has: Karmada stops, etcd's disks are filled, Karmada starts.

Every step may be interrupted and the whole run again: until all of Karmada is back, its workloads say how many replicas
they had.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from operations.karmada import workloads
from operations.karmada.apis import explained
from operations.karmada.disk import fill
from operations.karmada.members import wait_for_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from operations.karmada.apis import Karmada, Manager

SERVERS: Final = ("karmada-apiserver", "karmada-aggregated-apiserver", "karmada-webhook")
"""What agents need to report; all else that runs acts by itself."""


@dataclass(frozen=True, kw_only=True)
class Restore:
    """What is restored: a control plane by its two APIs, and members that are known to be lost as well.

    Karmada's takes an identity that needs no binding: the snapshot says who is bound.
    """

    manager: Manager
    karmada: Karmada
    authority: bytes
    """Karmada's own of today, PEM: the snapshot may have an earlier one."""
    lost: Collection[str] = ()

    def run(self, folder: Path, *, say: Callable[[str], None]) -> None:
        """Put the data folders in `folder`, one for each of etcd's members by its name, in the place of what it has.

        Raises:
            OperationError: a step could not be done; run again when that is mended.

        """
        with explained("Cannot restore Karmada's etcd"):
            etcd, others = workloads.etcd(self.manager.apps), workloads.clients(self.manager.apps)
            servers = [workload for workload in others if workload.name in SERVERS]
            controllers = [workload for workload in others if workload.name not in SERVERS]
            count = etcd.replicas
            # Watch caches of the API servers are of the other etcd, and so is what controllers know. Besides, those
            # that lose their API server end, and are started again after longer and longer pauses.
            self._stop(others)
            self._stop([etcd])
            say("Karmada: stopped")
            for index in range(count):
                name = f"{etcd.name}-{index}"
                fill(self.manager.core, self.manager.kubeconfig, name, folder / name)
                say(f"{name}: filled")
            _start([etcd])
            _start(servers)
            say("Karmada's API: started")
            # By the snapshot every member has been silent since it was made. Controllers that see that before agents
            # are back evict all that runs from everywhere.
            wait_for_reports(self.karmada, self.lost, say=say)
            self._follow(say)
            _start(controllers)
            # Last, so that a run that was interrupted before is taken up where it was.
            for workload in (etcd, *others):
                workload.forget()
            say("Karmada: started")

    def _follow(self, say: Callable[[str], None]) -> None:
        """What was true when the snapshot was made, and is not any more, before anybody acts by it."""
        say(f"trust in Karmada's authority: renewed in {self.karmada.trust(self.authority)} objects")
        say(f"encryption at rest: {self.karmada.encrypt()} secrets and works are written by today's key")
        say(f"field managers: the next update may change {self.karmada.release()} objects that earlier ones applied")

    def _stop(self, stopping: list[workloads.Workload]) -> None:
        for workload in stopping:
            workload.stop()
        for workload in stopping:
            workloads.wait(partial(workload.stopped, self.manager.core), f"the pods of {workload.name} are gone")


def members(manager: Manager) -> int:
    """How many members etcd has, or had before a restore that was interrupted. Raises OperationError."""
    with explained("Cannot look at Karmada's etcd"):
        return workloads.etcd(manager.apps).replicas


def _start(starting: list[workloads.Workload]) -> None:
    for workload in starting:
        workload.start()
    for workload in starting:
        workloads.wait(workload.ready, f"{workload.name} is ready")
