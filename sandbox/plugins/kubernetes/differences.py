"""What changes between a recorded object and new inputs, and what of that needs a new object.

Old inputs are compared with new ones. The live object does not enter: a refresh writes what drifted into
the recorded inputs (checkpoint.py), so a drift is a difference like any other, while the server's spelling
of a value is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import Diff, compare, has_unknown
from sandbox.plugins.kubernetes.forcenew import IDENTITY, Mutability, force_new
from sandbox.plugins.kubernetes.objects import AUTONAMED, Object, is_annotated, metadata, name, namespace, normalized

if TYPE_CHECKING:
    from collections.abc import Collection


def difference(
    old: Object,
    new: Object,
    *,
    patch: frozenset[str] | None,
    mutability: Mutability,
    default_namespace: str | None,
) -> Diff:
    """The difference between two sets of inputs of one object.

    `patch` narrows what forces a replacement, for Patch types, whose fields can all change in place.
    `default_namespace` is where objects without a namespace of their own live, or None for a kind that has
    none.
    """
    old, new = _comparable(old, new)
    for obj in (old, new):
        fields = metadata(obj)
        if default_namespace is None:
            fields.pop("namespace", None)
        else:
            fields.setdefault("namespace", default_namespace)
    locked: Collection[str] = force_new(new, mutability) if patch is None else patch
    diff = Diff(properties=compare(old, new, force_new=locked))
    return Diff(properties=diff.properties, delete_before_replace=bool(diff.replaces) and _same_place(old, new))


def _same_place(old: Object, new: Object) -> bool:
    """Whether old and new object cannot exist beside each other, nor get another name."""
    return (
        name(new) != ""
        and not is_annotated(new, AUTONAMED)
        and name(old) == name(new)
        and namespace(old) == namespace(new)
    )


def _comparable(old: Object, new: Object) -> tuple[Object, Object]:
    """Both in one form: a Secret's stringData counts as data only where just one of them uses it."""
    clean_old, clean_new = normalized(old), normalized(new)
    same_form = ("stringData" in old) == ("stringData" in new)
    if new.get("kind") == "Secret" and (same_form or has_unknown(new)):
        for clean, raw in ((clean_old, old), (clean_new, new)):
            for key in ("data", "stringData"):
                clean.pop(key, None)
                if key in raw:
                    clean[key] = raw[key]
    return clean_old, clean_new


__all__ = ["IDENTITY", "difference"]
