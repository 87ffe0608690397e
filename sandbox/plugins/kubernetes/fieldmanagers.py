"""Who owns which field of an object: the field managers of server-side apply.

The rules are the official provider's (provider/pkg/await/await.go and provider/pkg/ssa of
pulumi-kubernetes); the format is Kubernetes' `FieldsV1`, a trie whose keys are `f:NAME` for fields and
`k:`, `v:` or `i:` for list elements.
"""

from __future__ import annotations

import copy
import secrets
from typing import Any, Final

from sandbox.plugins.kubernetes.objects import (
    PATCH_FIELD_MANAGER,
    PATCH_FORCE,
    Object,
    annotation,
    is_annotated,
    kind,
    name,
    namespace,
    pluck,
)

PREFIX: Final = "pulumi-kubernetes-"
# An object is made by a plain create, so that an existing one is not taken over by accident. Its fields
# then belong to this manager until the first update.
CREATOR: Final = "pulumi-kubernetes"

# Managers whose fields the first update takes over, with the operation they used. A name stands for all
# that begin with it: kubectl-create, kubectl-client-side-apply...
_TAKEN_OVER: Final = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("pulumi-kubernetes", "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)


def manager_name(inputs: Object, recorded: str | None) -> str:
    """The field manager of an object: the annotation's, else the recorded one, else one of its own."""
    return annotation(inputs, PATCH_FIELD_MANAGER) or recorded or PREFIX + secrets.token_hex(4)


def forces(inputs: Object) -> bool:
    """Whether the program wants to overwrite the fields of others."""
    return is_annotated(inputs, PATCH_FORCE)


def handover(live: Object, manager: str) -> list[Object]:
    """JSON patch operations that give the fields of former managers of ours to this one; none if it has all.

    Without it the former manager would keep fields that the program drops, and they would never go.
    """
    former = [entry for entry in _entries(live) if _is_taken_over(entry)]
    if not former:
        return []
    own = [entry for entry in _entries(live) if _is_own(entry, manager)]
    others = [entry for entry in _entries(live) if not _is_taken_over(entry) and not _is_own(entry, manager)]
    merged = copy.deepcopy((own or former)[0])
    merged.update(manager=manager, operation="Apply")
    for entry in (*own, *former):
        merged["fieldsV1"] = _union(merged.get("fieldsV1", {}), entry.get("fieldsV1", {}))
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*others, merged]},
        # Refused if the object changed since it was read.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": pluck(live, "metadata", "resourceVersion")},
    ]


def bare(obj: Object) -> Object:
    """The object's identity alone. Applying that gives up every field that the manager owns."""
    identity = {"name": name(obj), **({"namespace": namespace(obj)} if namespace(obj) else {})}
    return {"apiVersion": kind(obj).api_version, "kind": kind(obj).kind, "metadata": identity}


def without_ignored(inputs: Object, live: Object, manager: str, ignored: list[list[str]]) -> Object:
    """The inputs to apply, given the paths of fields whose changes the program ignores.

    A field that only others own is left to them; any other keeps the value that it has.
    """
    result = copy.deepcopy(inputs)
    for path in ignored:
        ours = any(_owns(entry, path) for entry in _entries(live) if entry.get("manager") == manager)
        theirs = any(_owns(entry, path) for entry in _entries(live) if entry.get("manager") != manager)
        parent: Any = result
        for step in path[:-1]:
            parent = parent.get(step) if isinstance(parent, dict) else None
        if not isinstance(parent, dict):
            continue
        value = pluck(live, *path)
        if theirs and not ours:
            parent.pop(path[-1], None)
        elif value is not None:
            parent[path[-1]] = value
    return result


def _entries(live: Object) -> list[Object]:
    found: list[Object] = pluck(live, "metadata", "managedFields", default=[])
    return found


def _is_own(entry: Object, manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")


def _is_taken_over(entry: Object) -> bool:
    if entry.get("subresource"):
        return False
    return any(
        entry.get("operation") == operation and str(entry.get("manager", "")).startswith(prefix)
        for prefix, operation in _TAKEN_OVER
    )


def _owns(entry: Object, path: list[str]) -> bool:
    fields = entry.get("fieldsV1", {})
    for step in path:
        if f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"]
    return True


def _union(one: Object, other: Object) -> Object:
    return {
        key: _union(one[key], other[key]) if key in one and key in other else (one.get(key, other.get(key)))
        for key in one.keys() | other.keys()
    }
