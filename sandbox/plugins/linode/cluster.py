"""LkeCluster: a Kubernetes cluster on Linode, created, changed in place, and deleted with all its nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from sandbox.plugins.framework import (
    UNKNOWN,
    Change,
    Compared,
    Created,
    Found,
    InitializationError,
    PropertyDiff,
    ProviderError,
    carry_secrets,
    compare,
    reveal,
)
from sandbox.plugins.framework.shaping import live_inputs, planned, with_secrets
from sandbox.plugins.framework.waiting import wait_until_done
from sandbox.plugins.linode import readiness, rules, views
from sandbox.plugins.linode.connection import AccountResource
from sandbox.plugins.linode.forms import number, with_folded_tags
from sandbox.plugins.linode.pools import match, without_external
from sandbox.plugins.linode.schema import LKE_CLUSTER
from sandbox.plugins.linode.update import ClusterUpdate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.plugins.framework import (
        CheckFailure,
        CreateRequest,
        DeleteRequest,
        Diff,
        DiffRequest,
        Properties,
        ReadRequest,
        UpdateRequest,
        Value,
    )
    from sandbox.plugins.framework.schema import Schema
    from sandbox.plugins.linode.api import Api, Json

# Seconds; those of terraform-provider-linode (linode/lke/resource.go).
_CREATE_TIMEOUT: Final = 35 * 60
_UPDATE_TIMEOUT: Final = 40 * 60
_DELETE_TIMEOUT: Final = 20 * 60


class LkeCluster(AccountResource):
    """An LKE cluster with its node pools."""

    token = "linode:index/lkeCluster:LkeCluster"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = LKE_CLUSTER

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """The official provider's own."""
        return list(rules.failures(inputs))

    def normal(self, inputs: Mapping[str, Value]) -> Properties:
        """Tags are the same in capital letters, to Linode."""
        return with_folded_tags(super().normal(inputs))

    def diff(self, request: DiffRequest) -> Diff:
        """Changed inputs, and what the state has behind the last pool: a pool that was left, or one after empty places.

        The original compares its state with what is wanted, and so takes such pools away at the next update.
        """
        diff = super().diff(request)
        wanted, recorded = request.inputs.get("pools"), request.old_outputs.get("pools")
        if not isinstance(wanted, list) or not isinstance(recorded, list):
            return diff
        extra = PropertyDiff(change=Change.DELETE, compared=Compared.STATE)
        more = {f"pools[{place}]": extra for place in range(len(wanted), len(recorded))}
        return replace(diff, properties={**more, **diff.properties})

    def create(self, request: CreateRequest) -> Created:
        """Create the cluster and wait until it has a kubeconfig and a first node that is ready."""
        if request.preview:
            return Created(id="", outputs=planned(self.schema, request.inputs))
        api, operation = self._connection.api(), request.operation
        inputs = reveal(self.effective(request.inputs))
        deadline = operation.deadline(_CREATE_TIMEOUT)
        cluster = api.post("/lke/clusters", views.cluster_body(inputs))
        cluster_id = cluster["id"]
        poll = self._connection.settings.node_poll_seconds
        try:
            for missing in (
                readiness.missing_kubeconfig(api, cluster_id),
                readiness.missing_first_node(api, cluster_id),
            ):
                wait_until_done(missing, operation=operation, deadline=deadline, every=poll)
            outputs = self._outputs(api, cluster, inputs.get("pools") or (), inputs)
        except ProviderError as error:
            # The cluster is there and costs money: it has to be recorded, whatever else went wrong.
            recorded = carry_secrets(request.inputs, self._outputs_so_far(api, cluster, inputs))
            raise InitializationError(
                f"cluster {cluster_id} was created, but: {error}", resource_id=str(cluster_id), outputs=recorded
            ) from error
        return Created(id=str(cluster_id), outputs=carry_secrets(request.inputs, outputs))

    def read(self, request: ReadRequest) -> Found | None:
        """Look at the cluster; None if the API knows it no longer."""
        api, cluster_id = self._connection.api(), _number(request.id)
        cluster = api.find(readiness.cluster_path(cluster_id))
        if cluster is None:
            return None
        inputs = reveal(request.inputs)
        outputs = self._outputs(api, cluster, reveal(request.outputs).get("pools") or (), inputs)
        return Found(
            id=str(cluster_id),
            inputs=live_inputs(self.schema, request.inputs, outputs),
            outputs=carry_secrets(request.inputs, outputs),
        )

    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Change the cluster and its pools in place, and wait until what changed is ready."""
        if request.preview:
            return self._planned_update(request)
        api, operation = self._connection.api(), request.operation
        inputs = reveal(self.effective(request.inputs))
        update = ClusterUpdate(
            api=api,
            cluster_id=_number(request.id),
            inputs=inputs,
            before=reveal(self.effective(request.old_inputs)),
            outputs=reveal(request.old_outputs),
            operation=operation,
            deadline=operation.deadline(_UPDATE_TIMEOUT),
            pool_poll_seconds=self._connection.settings.node_poll_seconds,
            event_poll_seconds=self._connection.settings.event_poll_seconds,
        )
        try:
            update.run()
            cluster = api.get(readiness.cluster_path(update.cluster_id))
            outputs = self._outputs(api, cluster, update.planned["pools"], inputs)
        except ProviderError as error:
            raise InitializationError(
                f"cluster {update.cluster_id} may be changed in part, and is recorded as if it were changed; `pulumi "
                f"refresh` records what it is: {error}",
                resource_id=request.id,
                outputs=carry_secrets(request.inputs, with_secrets(self.schema, update.planned)),
            ) from error
        recorded: Properties = carry_secrets(request.inputs, outputs)
        return recorded

    def delete(self, request: DeleteRequest) -> None:
        """Delete the cluster and wait until its nodes are gone, too."""
        api, cluster_id = self._connection.api(), _number(request.id)
        path = readiness.cluster_path(cluster_id)
        if api.find(path) is None:
            return
        settings, operation = self._connection.settings, request.operation
        deadline = operation.deadline(_DELETE_TIMEOUT)
        looks = [readiness.remaining(api, cluster_id)]
        if not settings.skip_delete_poll:
            instances = readiness.instance_ids(readiness.pools_of(api, cluster_id))
            looks.append(readiness.undeleted(api, instances))
        api.remove(path)
        for look in looks:
            wait_until_done(look, operation=operation, deadline=deadline, every=settings.event_poll_seconds)

    def _planned_update(self, request: UpdateRequest) -> Properties:
        """What stays of the recorded outputs, and UNKNOWN where an update gives new ones."""
        changed = compare(self.normal(request.old_inputs), self.normal(request.inputs))
        plan = planned(self.schema, request.inputs)
        outputs = request.old_outputs | {name: value for name, value in plan.items() if value is not UNKNOWN}
        outputs["kubeconfig"] = request.old_outputs.get("kubeconfig", UNKNOWN)
        if not any(path.startswith(("pools", "k8sVersion")) for path in changed):
            outputs["pools"] = request.old_outputs.get("pools", UNKNOWN)
        return outputs

    def _own_pools(self, api: Api, cluster_id: int, inputs: Mapping[str, Value]) -> list[Json]:
        return without_external(readiness.pools_of(api, cluster_id), inputs.get("externalPoolTags") or ())

    def _outputs(
        self, api: Api, cluster: Json, declared: Sequence[Mapping[str, Value]], inputs: Mapping[str, Value]
    ) -> Properties:
        """Everything that is recorded of a live cluster, its pools in the order of those that are declared."""
        cluster_id: int = cluster["id"]
        path = readiness.cluster_path(cluster_id)
        outputs = views.cluster_outputs(
            api.get(path),
            match(self._own_pools(api, cluster_id, inputs), declared),
            acl=(api.find(f"{path}/control_plane_acl") or {}).get("acl"),
            endpoints=api.list(f"{path}/api-endpoints"),
            kubeconfig=api.get(f"{path}/kubeconfig")["kubeconfig"],
        )
        external = inputs.get("externalPoolTags")
        return outputs if external is None else outputs | {"externalPoolTags": external}

    def _outputs_so_far(self, api: Api, cluster: Json, inputs: Mapping[str, Value]) -> Properties:
        """What can be recorded of a cluster that is not ready, even if the API no longer answers."""
        try:
            return self._outputs(api, cluster, inputs.get("pools") or (), inputs)
        except ProviderError:
            recorded = views.cluster_outputs(cluster, (), acl=None, endpoints=(), kubeconfig=None)
            return recorded | {"pools": inputs.get("pools") or []}


def _number(identity: str) -> int:
    return number(identity, of="an LKE cluster")
