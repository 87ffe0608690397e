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
"""Whose name stands in a record that would have none. It owns no field and never applies.

Whatever an object without a record has becomes "before-first-apply"'s when it is applied, which the provider takes
over in the update after that (await.go, fixCSAFieldManagers). What Karmada's webhooks wrote, which no record names,
would then be dropped, and Karmada refuses a policy without its permanent id.
"""


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
                place = f"namespaces/{found['namespace']}/{resource}" if namespaced else resource
                change = {"metadata": {"managedFields": others or [_of_nothing(managers[0]["apiVersion"])]}}
                objects.patch(api, f"{group}/{place}/{found['name']}", change)
                released += 1
    return released


def _of_nothing(version: str) -> dict[str, Any]:
    fields = {"apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {".": {}}}}
    return fields | {"manager": RESTORE, "operation": "Update"}
