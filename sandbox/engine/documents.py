"""YAML files of a Pulumi project, kept as their user wrote them.

PyYAML reads YAML 1.1, in which `no` is false and `12345e6` a text; Pulumi's reader (gopkg.in/yaml.v3) takes them for a
text and a number. So scalars stay as they are spelled: nothing here gives them a type, and a copy is written from the
nodes that were read.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping


def content(text: str) -> Any:
    """What a document holds, with every scalar as the text that it is written as. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists and mappings, and nothing else


def with_entries(text: str, entries: Mapping[str, Any], *, below: Mapping[str, Mapping[str, Any]]) -> str:
    """The document with entries set at its top, and in mappings at its top, `below` these keys; comments go.

    Raises yaml.YAMLError.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        root = _node({})
    for key, inner in below.items():
        section = _get(root, key)
        if not isinstance(section, yaml.MappingNode):
            section = _node({})
            _set(root, key, section)
        for name, value in inner.items():
            _set(section, name, _node(value))
    for key, value in entries.items():
        _set(root, key, _node(value))
    _in_blocks(root, set())
    # A line that is folded is the same to both readers, and a difference to whoever compares the copy.
    written: str = yaml.serialize(root, Dumper=yaml.SafeDumper, allow_unicode=True, width=sys.maxsize)
    return written


def _get(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in mapping.value if name.value == key), None)


def _set(mapping: yaml.MappingNode, key: str, value: yaml.Node) -> None:
    others = [entry for entry in mapping.value if entry[0].value != key]
    mapping.value = [*others, (_node(key), value)]


def _node(value: Any) -> Any:
    """Plain data as a node; JSON is YAML in which every text has quotes."""
    return yaml.compose(json.dumps(value), Loader=yaml.SafeLoader)


def _in_blocks(node: yaml.Node, seen: set[int]) -> None:
    """Write no collection in brackets, where PyYAML quotes and types more than it has to, such as `1:30`."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    node.flow_style = False
    for item in node.value:
        for part in item if isinstance(item, tuple) else (item,):
            _in_blocks(part, seen)
