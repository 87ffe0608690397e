"""What is recorded of an object: the live object, and beside it what the next operation needs.

As with the official provider, the outputs are the live object itself, so that a program reads
`service.status`, with `__inputs`, `__fieldManager` and `__initialApiVersion` added.
"""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework import Properties, Secret, carry_secrets, secret
from sandbox.plugins.kubernetes.objects import (
    LAST_APPLIED,
    Object,
    from_properties,
    metadata,
    prune,
    to_properties,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_INPUTS: Final = "__inputs"
_FIELD_MANAGER: Final = "__fieldManager"
_INITIAL_API_VERSION: Final = "__initialApiVersion"
_OWN: Final = frozenset({_INPUTS, _FIELD_MANAGER, _INITIAL_API_VERSION})

# What is not worth an input when an existing object is adopted: the server or a controller sets it.
_NOT_ADOPTED_ANNOTATIONS: Final = frozenset({LAST_APPLIED, "deployment.kubernetes.io/revision"})
_NOT_ADOPTED_METADATA: Final = (
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "uid",
)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A recorded object, read back."""

    live: Object
    inputs: Object
    field_manager: str | None
    initial_api_version: str | None


def record(live: Object, inputs: Properties, *, field_manager: str, initial_api_version: str) -> Properties:
    """The outputs of an object. What is secret in the inputs, and all data of a Secret, stays secret."""
    shown = copy.deepcopy(live)
    metadata(shown).pop("managedFields", None)  # long, and asked for anew by each update
    outputs: Properties = hide(carry_secrets(inputs, to_properties(shown)))
    outputs[_INPUTS] = hide(inputs)
    outputs[_FIELD_MANAGER] = field_manager
    outputs[_INITIAL_API_VERSION] = initial_api_version
    return outputs


def recall(outputs: Mapping[str, Any]) -> Checkpoint:
    """What `record` recorded."""
    plain = from_properties(dict(outputs))
    return Checkpoint(
        live={key: value for key, value in plain.items() if key not in _OWN},
        inputs=plain.get(_INPUTS) or {},
        field_manager=plain.get(_FIELD_MANAGER),
        initial_api_version=plain.get(_INITIAL_API_VERSION),
    )


def hide(properties: Mapping[str, Any]) -> Properties:
    """The properties with the content of a Secret marked secret, whether the program did or not."""
    hidden = dict(properties)
    if hidden.get("kind") != "Secret":
        return hidden
    for key in ("data", "stringData"):
        if key in hidden:
            hidden[key] = secret(hidden[key])
    fields = hidden.get("metadata")
    if not isinstance(fields, dict):
        return hidden
    annotations = fields.get("annotations")
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        # kubectl apply keeps a whole copy of the Secret there.
        marked = {**annotations, LAST_APPLIED: Secret(annotations[LAST_APPLIED])}
        hidden["metadata"] = {**fields, "annotations": marked}
    return hidden


def adopted_inputs(live: Object) -> Properties:
    """The inputs that a program would give to have this live object: for an import."""
    inputs = {key: copy.deepcopy(value) for key, value in live.items() if key != "status"}
    fields = metadata(inputs)
    for key in _NOT_ADOPTED_METADATA:
        fields.pop(key, None)
    written = fields.pop("annotations", None) or {}
    annotations = {key: value for key, value in written.items() if key not in _NOT_ADOPTED_ANNOTATIONS}
    if annotations:
        fields["annotations"] = annotations
    return hide(to_properties(inputs))


def refreshed_inputs(inputs: Object, recorded: Object, live: Object) -> Object:
    """The inputs with every value that drifted replaced by the live one.

    A value drifted if it is not what it was when last recorded. So the server's own spelling of an input
    (500m for 0.5, a default, a webhook's addition) is no drift, although it differs from the input.
    """
    refreshed: Object = _refreshed(inputs, recorded, live)
    if "stringData" in inputs:
        # The server keeps it under data alone.
        refreshed["stringData"] = _refreshed_texts(
            inputs["stringData"] or {}, recorded.get("data") or {}, live.get("data") or {}
        )
    return refreshed


def _refreshed(inputs: Any, recorded: Any, live: Any) -> Any:
    if recorded == live:
        return inputs
    match inputs, live:
        case dict(), dict():
            before = recorded if isinstance(recorded, dict) else {}
            return {
                key: _refreshed(value, before.get(key), live[key]) if key in live else value
                for key, value in inputs.items()
                if key in live or key not in before
            }
        case list(), list():
            before_items = recorded if isinstance(recorded, list) else []
            padded = before_items + [None] * (len(live) - len(before_items))
            return [_refreshed(*triple) for triple in zip(inputs, padded, live, strict=False)]
        case _:
            return prune(live, inputs)


def _refreshed_texts(texts: Object, recorded: Object, live: Object) -> Object:
    return {
        key: text if live.get(key) == recorded.get(key) else _text(live[key])
        for key, text in texts.items()
        if key in live or key not in recorded
    }


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")
