"""What becomes of a resource whose cluster cannot be reached, as the official provider's settings have it.

Check, Read and Delete of provider/pkg/provider/provider.go of pulumi-kubernetes: objects and releases alike. But the
deletion of a release fails whatever is set (pulumi-kubernetes#2675).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import Found, ProviderError

if TYPE_CHECKING:
    from sandbox.plugins.framework import Operation, ReadRequest
    from sandbox.plugins.kubernetes.connection import Connection
    from sandbox.plugins.kubernetes.settings import Settings


def read(request: ReadRequest, settings: Settings, reason: str) -> Found | None:
    """What a refresh takes over: nothing, or what was recorded. Raises ProviderError if no setting says which."""
    if settings.delete_unreachable:
        _warn(request.operation, reason, "dropped from the state")
        return None
    if settings.skip_update_unreachable:
        _warn(request.operation, reason, "left as it was recorded")
        return Found(id=request.id, inputs=request.inputs, outputs=request.outputs)
    raise ProviderError(
        f"failed to read resource state: the cluster is unreachable: {reason}. If the cluster was deleted, "
        'run again with the environment variable PULUMI_K8S_DELETE_UNREACHABLE="true" to drop this resource '
        "from the state"
    )


def skipped(operation: Operation, settings: Settings, connection: Connection) -> bool:
    """Whether a resource stays as it was recorded, whatever the program says."""
    if not settings.skip_update_unreachable or connection.cluster is not None:
        return False
    operation.warn("cluster is unreachable and skipUpdateUnreachable is set: left as it is")
    return True


def dropped(operation: Operation, settings: Settings, connection: Connection) -> bool:
    """Whether the deletion of an object is done by forgetting."""
    if connection.cluster is not None or not settings.delete_unreachable:
        return False
    _warn(operation, connection.reason, "dropped from the state")
    return True


def _warn(operation: Operation, reason: str, outcome: str) -> None:
    operation.warn(f"cluster is unreachable ({reason}): {outcome}")
