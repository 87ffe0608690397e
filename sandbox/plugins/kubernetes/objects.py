"""Kubernetes objects as plain dictionaries: reading them, pruning them, making two of them comparable."""

from __future__ import annotations

import base64
import binascii
import copy
from typing import Any, Final, TypeAlias

from sandbox.plugins.framework import has_unknown, reveal
from sandbox.plugins.kubernetes.kinds import Kind, kind_of

Object: TypeAlias = dict[str, Any]

SKIP_AWAIT: Final = "pulumi.com/skipAwait"
WAIT_FOR: Final = "pulumi.com/waitFor"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"
PATCH_FORCE: Final = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
DELETION_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
AUTONAMED: Final = "pulumi.com/autonamed"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

# Set by the API server alone (Kubernetes API reference, ObjectMeta).
_READ_ONLY_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)

# Python names cannot hold a dash, so the SDKs spell these fields of a CRD's schema with underscores.
_DASHED: Final = {
    name.replace("-", "_"): name
    for name in (
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    )
}
_UNDERSCORED: Final = {dashed: underscored for underscored, dashed in _DASHED.items()}


def from_properties(properties: Object) -> Object:
    """The object that a property bag describes: no marks of secrecy, Kubernetes' own field names."""
    plain: Object = _rename(reveal(properties), _DASHED)
    return plain


def to_properties(obj: Object) -> Object:
    """The object with the field names that the SDKs use."""
    renamed: Object = _rename(obj, _UNDERSCORED)
    return renamed


def kind(obj: Object) -> Kind:
    """The object's group, version and kind."""
    return kind_of(str(obj.get("apiVersion", "")), str(obj.get("kind", "")))


def pluck(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at a path of keys and indices, or the default where the path ends early."""
    for step in path:
        match obj, step:
            case dict(), str():
                obj = obj.get(step)
            case list(), int() if step < len(obj):
                obj = obj[step]
            case _:
                return default
    return default if obj is None else obj


def metadata(obj: Object) -> Object:
    """The object's metadata, made if missing. In a preview it may be unknown as a whole: then a copy."""
    found = obj.setdefault("metadata", {})
    return found if isinstance(found, dict) else {}


def name(obj: Object) -> str:
    """The object's name, empty if it has none or an unknown one."""
    found = pluck(obj, "metadata", "name", default="")
    return found if isinstance(found, str) else ""


def namespace(obj: Object) -> str:
    """The object's namespace, empty if it has none or an unknown one."""
    found = pluck(obj, "metadata", "namespace", default="")
    return found if isinstance(found, str) else ""


def annotation(obj: Object, key: str) -> str:
    """An annotation's value, empty if it is not there."""
    found = pluck(obj, "metadata", "annotations", key, default="")
    return found if isinstance(found, str) else ""


def is_annotated(obj: Object, key: str) -> bool:
    """Whether an annotation says true."""
    return annotation(obj, key) == "true"


def annotate(obj: Object, key: str, value: str) -> None:
    """Set an annotation, unless a preview does not know the annotations yet."""
    annotations = metadata(obj).setdefault("annotations", {})
    if isinstance(annotations, dict):
        annotations[key] = value


def object_id(obj: Object) -> str:
    """The id under which the engine knows the object: `namespace/name`, or the name alone."""
    return f"{namespace(obj)}/{name(obj)}" if namespace(obj) else name(obj)


def parse_id(identity: str) -> tuple[str, str]:
    """Namespace (empty if none) and name of an id."""
    space, _, found = identity.rpartition("/")
    return space, found


def is_owned_by(obj: Object, owner: Object) -> bool:
    """Whether a controller made the object for that owner."""
    uid = pluck(owner, "metadata", "uid")
    references = pluck(obj, "metadata", "ownerReferences", default=[])
    return uid is not None and any(reference.get("uid") == uid for reference in references)


def prune(live: Any, shape: Any) -> Any:
    """What of the live value the shape has, too: the part of an object that its inputs speak of.

    List elements are matched by position, and elements beyond the shape's are left out.
    """
    match live, shape:
        case dict(), dict():
            return {key: prune(value, shape[key]) for key, value in live.items() if key in shape}
        case list(), list():
            return [prune(value, wanted) for value, wanted in zip(live, shape, strict=False)]
        case _:
            return copy.deepcopy(live)


def normalized(obj: Object) -> Object:
    """The object without what only the server sets, in the form in which the server keeps it."""
    obj = copy.deepcopy(obj)
    fields = metadata(obj)
    for key in _READ_ONLY_METADATA:
        fields.pop(key, None)
    found = kind(obj)
    if found.built_in and not has_unknown(obj):
        if found.kind == "Secret":
            _normalize_secret(obj)
        elif found.kind == "CustomResourceDefinition":
            obj.pop("status", None)
            # The server drops a preserveUnknownFields that is false.
            if pluck(obj, "spec", "preserveUnknownFields") is False:
                del obj["spec"]["preserveUnknownFields"]
    return obj


def _normalize_secret(obj: Object) -> None:
    """Move stringData into data, as the API server does when it stores a Secret."""
    texts = obj.pop("stringData", None)
    data = {key: _canonical_base64(value) for key, value in (obj.get("data") or {}).items()}
    for key, text in (texts or {}).items():
        data[key] = base64.b64encode(str(text).encode()).decode()
    if data or "data" in obj:
        obj["data"] = data


def _canonical_base64(value: Any) -> Any:
    """Base64 without line breaks: the server decodes and encodes again."""
    try:
        return base64.b64encode(base64.b64decode(value)).decode()
    except (binascii.Error, TypeError, ValueError):
        return value  # the server will say what is wrong with it


def _rename(value: Any, names: dict[str, str]) -> Any:
    match value:
        case dict():
            return {names.get(key, key): _rename(item, names) for key, item in value.items()}
        case list():
            return [_rename(item, names) for item in value]
        case _:
            return value
