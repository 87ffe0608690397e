"""The stack's state, as the program finds it: what each resource reported when it was last made, changed or read.

The engine's function reads the backend, so that a preview has it as well. Outputs of the stack would not do: they are
what a whole program computed, an update of some resources alone computes them too, and one that fails leaves old ones.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READ_RESOURCES: Final = "pulumi:pulumi:readStackResourceOutputs"
"""The engine's own function behind queries of stacks (pkg/resource/deploy/builtins.go), which registers nothing."""

LKE_CLUSTER: Final = "linode:index/lkeCluster:LkeCluster"
PROVIDER: Final = "pulumi:providers:kubernetes"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 - a type's name
STASH: Final = "pulumi:index:Stash"
"""A value that the engine keeps, and leaves as it is while the resource is not updated (builtins.go, as above)."""


@dataclass(frozen=True, kw_only=True)
class State:
    """The outputs of the resources that there are, by type and name. Some are secrets, in the clear."""

    resources: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, outputs: Mapping[str, Mapping[str, Any]]) -> Self:
        """The state that the engine's function tells, by URN."""
        return cls(
            resources={
                (str(found["type"]), urn.rpartition("::")[2]): found.get("outputs") or {}
                for urn, found in outputs.items()
            }
        )

    def get(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """The outputs of one resource; None where it is not there."""
        return self.resources.get((kind, name))

    def named(self, kind: str, suffix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What stands before a suffix in the names of resources of a type, and their outputs."""
        for (found, name), outputs in self.resources.items():
            if found == kind and name.endswith(suffix):
                yield name.removesuffix(suffix), outputs

    def kept(self, name: str) -> Mapping[str, Any]:
        """What a Stash of a name was last given; nothing where there is none."""
        return (self.get(STASH, name) or {}).get("input") or {}


def content(secret: Mapping[str, Any], key: str) -> str:
    """What a Secret has under a key; an empty text where it has no such key."""
    encoded = (secret.get("data") or {}).get(key)
    if encoded is not None:
        return base64.b64decode(encoded).decode()
    return str((secret.get("stringData") or {}).get(key) or "")


def fetch() -> State:
    """Read the state of the current stack."""
    stack = "/".join((pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()))
    answer: Mapping[str, Any] = pulumi.runtime.invoke(READ_RESOURCES, {"stackName": stack}).value or {}
    return State.of(answer.get("outputs") or {})
