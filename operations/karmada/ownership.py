"""Whose fields are whose in Karmada, by its API server's record of field managers.

The Kubernetes provider applies under a name that it draws for each resource and keeps in the stack's state. Objects of
a snapshot have the names of then, and the API server lets nobody else change what is theirs: an update that changes a
policy would end with a conflict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet import objects

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

PROVIDER: Final = "pulumi-kubernetes"
"""How such a name begins (provider.go, fieldManagerName)."""
RESTORE: Final = "fleet-restore"
_OF_KARMADA: Final = "karmada.io/"
_NOBODY: Final[list[dict[str, Any]]] = [{}]
"""Which empties the record; nothing would leave it as it is."""


def release(api: ApiClient) -> int:
    """Take the provider's names out of the records, so that the next update owns what it applies; of how many objects.

    Raises:
        ApiException: Karmada refuses.

    """
    released = 0
    for group, resource, namespaced in objects.kinds(api):
        for found in objects.listed(api, f"{group}/{resource}"):
            managers: list[dict[str, Any]] = found.get("managedFields") or []
            others = [one for one in managers if not one["manager"].startswith(PROVIDER)]
            if len(others) < len(managers):
                kept = [entry for one in managers if one not in others if (entry := _of_karmada(one))]
                place = f"namespaces/{found['namespace']}/{resource}" if namespaced else resource
                change = {"metadata": {"managedFields": [*others, *kept[:1]] or _NOBODY}}
                objects.patch(api, f"{group}/{place}/{found['name']}", change)
                released += 1
    return released


def _of_karmada(manager: dict[str, Any]) -> dict[str, Any] | None:
    """What Karmada's webhooks wrote when a manager applied, as somebody else's who never applies.

    An object that nobody manages is taken over whole, and loses whatever is not applied: a policy its permanent id,
    which Karmada refuses.
    """
    metadata = (manager.get("fieldsV1") or {}).get("f:metadata") or {}
    kept = {
        part: {key: value for key, value in metadata[part].items() if _OF_KARMADA in key}
        for part in ("f:labels", "f:annotations", "f:finalizers")
        if part in metadata
    }
    fields = {"f:metadata": {part: keys for part, keys in kept.items() if keys}}
    if not fields["f:metadata"]:
        return None
    shared = {"apiVersion": manager["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": fields}
    return shared | {"manager": RESTORE, "operation": "Update"}
