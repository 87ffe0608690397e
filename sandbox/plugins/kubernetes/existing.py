"""Reading objects that exist: for a refresh, an import, or a program's `get`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import Found, InitializationError, ProviderError, carry_secrets
from sandbox.plugins.kubernetes.checkpoint import (
    Checkpoint,
    adopted_inputs,
    hide,
    recall,
    record,
    refreshed_inputs,
)
from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError
from sandbox.plugins.kubernetes.fieldmanagers import manager_name
from sandbox.plugins.kubernetes.objects import Object, from_properties, parse_id, to_properties
from sandbox.plugins.kubernetes.readiness import NotReadyError, assess, condition_of

if TYPE_CHECKING:
    from sandbox.plugins.framework import Properties, ReadRequest
    from sandbox.plugins.kubernetes.cluster import Cluster
    from sandbox.plugins.kubernetes.kinds import Kind


def read(request: ReadRequest, wanted: Kind | None, cluster: Cluster) -> Found | None:
    """The live object, or None if it is gone. `wanted` is the kind that the resource type names.

    Raises InitializationError for a recorded object that is not ready: a refresh notes it, and the next
    update goes on with it.
    """
    recorded = recall(request.outputs)
    adopted = not recorded.live.get("kind")
    try:
        live = cluster.get(_wanted_object(request, wanted) if adopted else recorded.live)
    except NoMatchError:
        return None  # its definition is gone, and so is it
    except ApiError as error:
        if error.not_found:
            return None
        raise
    inputs = adopted_inputs(live) if adopted else _refreshed(request, recorded, live)
    plain = from_properties(inputs)
    outputs = record(
        live,
        inputs,
        field_manager=manager_name(plain, recorded.field_manager),
        initial_api_version=recorded.initial_api_version or str(live.get("apiVersion", "")),
    )
    if not adopted:
        _require_ready(request, cluster, live, inputs, outputs)
    return Found(id=request.id, inputs=inputs, outputs=outputs)


def _wanted_object(request: ReadRequest, wanted: Kind | None) -> Object:
    """The identity of an object that nothing is recorded of, from the id `[namespace/]name`."""
    space, object_name = parse_id(request.id)
    if wanted is None or not object_name:
        raise ProviderError(f"{request.id!r} is no id of an object: [namespace/]name is expected")
    fields = {"name": object_name, **({"namespace": space} if space else {})}
    return {"apiVersion": wanted.api_version, "kind": wanted.kind, "metadata": fields}


def _refreshed(request: ReadRequest, recorded: Checkpoint, live: Object) -> Properties:
    old = request.inputs or to_properties(recorded.inputs)
    refreshed = refreshed_inputs(from_properties(old), recorded.live, live)
    return hide(carry_secrets(old, to_properties(refreshed)))


def _require_ready(
    request: ReadRequest, cluster: Cluster, live: Object, inputs: Properties, outputs: Properties
) -> None:
    condition = condition_of(from_properties(inputs))
    if condition is None:
        return
    try:
        assess(cluster, live, condition)
    except NotReadyError as error:
        raise InitializationError(
            str(error), resource_id=request.id, outputs=outputs, reasons=(str(error), *error.reasons), inputs=inputs
        ) from error
