"""Changing a cluster from what was recorded of it to what the program wants, as the official provider does.

It compares with the state alone, stops at the first refusal, and then records what it had planned as if it were so
(terraform-plugin-sdk, schema.Resource.Apply: the planned state is kept unless the provider says that it is partial,
which linode/lke/resource.go does not). `pulumi refresh` tells what is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.plugins.framework import ProviderError
from sandbox.plugins.framework.waiting import wait_until_done
from sandbox.plugins.linode import readiness
from sandbox.plugins.linode.pools import plan, planned_pools
from sandbox.plugins.linode.views import control_plane_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.plugins.framework import Deadline, Operation, Properties
    from sandbox.plugins.linode.api import Api, Json


@dataclass(frozen=True, kw_only=True)
class ClusterUpdate:
    """One update of one cluster.

    `inputs` are wanted, `before` the inputs of the last update, `outputs` what was recorded after it.
    """

    api: Api
    cluster_id: int
    inputs: Properties
    before: Properties
    outputs: Properties
    operation: Operation
    deadline: Deadline
    pool_poll_seconds: float
    event_poll_seconds: float

    def run(self) -> None:
        """Do it all. Raises ProviderError where it has to stop."""
        path = readiness.cluster_path(self.cluster_id)
        changes = self._cluster_changes()
        if changes:
            self.api.put(path, changes)
        pools = readiness.pools_of(self.api, self.cluster_id)
        if "k8s_version" in changes:
            self._recycle(pools)
        if self.api.find(path) is None:
            raise ProviderError(f"cluster {self.cluster_id} is gone; take note of that with: pulumi refresh")
        self._change_pools()

    @property
    def planned(self) -> Properties:
        """What is recorded where the update has to stop."""
        pools = planned_pools(self._recorded_pools, self.inputs.get("pools") or ())
        return self.outputs | self.inputs | {"pools": pools}

    @property
    def _recorded_pools(self) -> Sequence[Properties]:
        return self.outputs.get("pools") or ()

    def _cluster_changes(self) -> Json:
        body: Json = {}
        for name, key in (("label", "label"), ("k8sVersion", "k8s_version")):
            if self.inputs[name] != self.outputs.get(name):
                body[key] = self.inputs[name]
        tags = self.inputs.get("tags")
        recorded = self.outputs.get("tags") or ()
        if tags is not None and {tag.casefold() for tag in tags} != {tag.casefold() for tag in recorded}:
            body["tags"] = tags
        plane = self.inputs.get("controlPlane")
        if plane is not None and plane != self.before.get("controlPlane"):
            body["control_plane"] = control_plane_body(plane)
        return body

    def _recycle(self, pools: Sequence[Json]) -> None:
        """Replace every node, which is how a new Kubernetes version reaches them."""
        old = readiness.instance_ids(pools)
        self.api.post(f"{readiness.cluster_path(self.cluster_id)}/recycle")
        self._wait(readiness.undeleted(self.api, old), every=self.event_poll_seconds)
        self._wait_for_pools({pool["id"] for pool in pools}, every=self.event_poll_seconds)

    def _change_pools(self) -> None:
        path = f"{readiness.cluster_path(self.cluster_id)}/pools"
        steps = plan(self._recorded_pools, self.inputs.get("pools") or ())
        for pool_id, body in steps.update.items():
            self.api.put(f"{path}/{pool_id}", body)
        created = [self.api.post(path, body)["id"] for body in steps.create]
        for pool_id in steps.delete:
            self.api.delete(f"{path}/{pool_id}")
        if waited_for := {*steps.update, *created}:
            self._wait_for_pools(waited_for, every=self.pool_poll_seconds)

    def _wait_for_pools(self, pool_ids: set[int], *, every: float) -> None:
        self._wait(readiness.missing_nodes(self.api, self.cluster_id, pool_ids=pool_ids), every=every)

    def _wait(self, look: Callable[[], str | None], *, every: float) -> None:
        wait_until_done(look, operation=self.operation, deadline=self.deadline, every=every)
