"""Changing a live cluster until it is what the program wants.

Pools, label, tags and version are compared with the cluster as it is, not as it was recorded: so an update
that failed half-way is completed by the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.plugins.framework import ProviderError
from sandbox.plugins.framework.waiting import wait_until_done
from sandbox.plugins.linode import readiness
from sandbox.plugins.linode.pools import adopt, plan, without_external
from sandbox.plugins.linode.views import control_plane_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.plugins.framework import Deadline, Operation, Properties
    from sandbox.plugins.linode.api import Api, Json
    from sandbox.plugins.linode.pools import PoolPlan


@dataclass(kw_only=True)
class ClusterUpdate:
    """One update of one cluster, and how far it got.

    `inputs` are wanted, `before` the inputs of the last update, `outputs` what was recorded after it.
    """

    api: Api
    cluster_id: int
    inputs: Properties
    before: Properties
    outputs: Properties
    operation: Operation
    deadline: Deadline
    poll_seconds: float
    order: list[int] = field(default_factory=list)
    """The ids of the pools in the program's order, as far as they are known."""
    has_changed_something: bool = False

    def run(self) -> None:
        """Do it all. Raises ProviderError where it has to stop."""
        cluster = self.api.find(readiness.cluster_path(self.cluster_id))
        if cluster is None:
            raise ProviderError(f"cluster {self.cluster_id} is gone; take note of that with: pulumi refresh")
        recorded = [pool["id"] for pool in self.outputs.get("pools") or () if "id" in pool]
        self.order = recorded
        changes = self._cluster_changes(cluster)
        if changes:
            self.api.put(readiness.cluster_path(self.cluster_id), changes)
            self.has_changed_something = True
        if "k8s_version" in changes:
            self._recycle()
        self._change_pools(recorded)
        if "kubeconfig" not in self.outputs:
            self._wait(readiness.missing_kubeconfig(self.api, self.cluster_id))

    def _cluster_changes(self, cluster: Json) -> Json:
        body: Json = {}
        for name, key in (("label", "label"), ("k8sVersion", "k8s_version")):
            if self.inputs[name] != cluster[key]:
                body[key] = self.inputs[name]
        tags = self.inputs.get("tags")
        if tags is not None and {tag.casefold() for tag in tags} != {tag.casefold() for tag in cluster["tags"]}:
            body["tags"] = tags
        plane = self.inputs.get("controlPlane")
        if plane is not None and plane != self.before.get("controlPlane"):
            body["control_plane"] = control_plane_body(plane)
        return body

    def _recycle(self) -> None:
        """Replace every node, which is how a new Kubernetes version reaches them."""
        pools = self._pools()
        self.api.post(f"{readiness.cluster_path(self.cluster_id)}/recycle")
        self._wait(readiness.remaining_nodes(self.api, readiness.instance_ids(pools)))
        self._wait_for_nodes(pool_ids=None, old_nodes=readiness.node_ids(pools))

    def _change_pools(self, recorded: list[int]) -> None:
        wanted = self.inputs.get("pools") or []
        live = adopt(self._pools(), recorded, wanted)
        steps = plan(live, wanted, self.before.get("pools") or [])
        self.order = [pool["id"] for pool in live if pool is not None]
        created = self._carry_out(steps)
        self.order = [created[place] if place in created else _id(live[place]) for place in range(len(wanted))]
        unready = {pool["id"] for pool in live if pool is not None and not _was_ready(pool)}
        waited_for = {*steps.update, *created.values(), *unready} & set(self.order)
        if waited_for:
            self._wait_for_nodes(pool_ids=waited_for)

    def _carry_out(self, steps: PoolPlan) -> dict[int, int]:
        """The ids of the pools that were made, by their place in the program's list."""
        path = f"{readiness.cluster_path(self.cluster_id)}/pools"
        created = {}
        for pool_id, body in steps.update.items():
            self.api.put(f"{path}/{pool_id}", body)
            self.has_changed_something = True
        for place, body in steps.create.items():
            created[place] = self.api.post(path, body)["id"]
            self.has_changed_something = True
            self.order.append(created[place])
        for pool_id in steps.delete:
            self.api.remove(f"{path}/{pool_id}")
            self.has_changed_something = True
        return created

    def _pools(self) -> list[Json]:
        pools = readiness.pools_of(self.api, self.cluster_id)
        return without_external(pools, self.inputs.get("externalPoolTags") or ())

    def _wait_for_nodes(self, *, pool_ids: set[int] | None, old_nodes: set[str] | None = None) -> None:
        self._wait(readiness.missing_nodes(self.api, self.cluster_id, pool_ids=pool_ids, old_nodes=old_nodes or set()))

    def _wait(self, look: Callable[[], str | None]) -> None:
        wait_until_done(look, operation=self.operation, deadline=self.deadline, every=self.poll_seconds)


def _id(pool: Json | None) -> int:
    if pool is None:
        raise ValueError("a pool that is not made anew has to be there")
    identity: int = pool["id"]
    return identity


def _was_ready(pool: Json) -> bool:
    nodes = pool.get("nodes") or ()
    return bool(nodes) and all(node["status"] == "ready" for node in nodes)
