"""What a rule gets and what it gives: plain data, with no word of Pulumi's policy protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from fleet.config.enforcement import Profile
from plan.steps import Resource, known, section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fleet.config.enforcement import Guardrail, Guardrails, Level
    from plan.prices import PriceList

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands for a string that is known only later (sdk/go/common/resource/plugin, UnknownStringValue)."""

__all__ = [
    "UNKNOWN",
    "Definition",
    "Finding",
    "Planned",
    "Resource",
    "ResourceRule",
    "Stack",
    "StackRule",
    "is_unknown",
    "known",
    "section",
]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong. The guardrail itself says why it matters."""

    where: str
    """What a user calls it: `cluster us`, `release us-istio-istiod`."""
    what: str
    """What is wrong, with the value."""
    mend: str
    """What to do, with the key of the stack's config that does it."""
    urn: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}."


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A resource as the stack will have it, and what its properties come from."""

    resource: Resource
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By property, the URNs of the resources whose outputs its value is made of."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What is known of the stack besides the resource at hand."""

    guardrails: Guardrails
    """The stack's own word on its guardrails."""
    clusters: frozenset[str]
    """The names of the clusters in the config."""
    expelled: frozenset[str] = frozenset()
    """Those of them that are expelled: what they still have in the stack, nobody trusts."""
    acknowledged: tuple[str, ...] = ()
    """The losses that the config says are meant: `recycle us`."""
    deployed: Callable[[], Sequence[Resource]]
    """The resources of the stack before the update. Raises StateError where the state cannot be read."""
    prices: Callable[[], PriceList]
    """What Linode charges. Raises PriceError."""


class ResourceRule(Protocol):
    """Looks at one resource, before anything is done to it."""

    def __call__(self, resource: Resource, stack: Stack) -> Iterator[Finding]:
        """What is wrong with it."""


class StackRule(Protocol):
    """Looks at all resources together, at the end of a preview, and at the end of an update."""

    def __call__(self, planned: Sequence[Planned], stack: Stack) -> Iterator[Finding]:
        """What is wrong with them."""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One guardrail: what must hold, why, how strictly, and the rules that look."""

    guardrail: Guardrail
    holds: str
    """What must hold: a sentence."""
    why: str
    """Why it matters: a sentence."""
    keys: tuple[str, ...]
    """The keys of the stack's config that mend it."""
    production: Level
    development: Level
    early: tuple[ResourceRule, ...] = ()
    """These look at each resource before anything is done to it, in a preview and in an update."""
    late: tuple[StackRule, ...] = ()
    """These look at all of them at the end: what they find stops a preview, and comes late in an update without one."""

    def level(self, guardrails: Guardrails) -> Level:
        """How strict it is on a stack."""
        by_profile = {Profile.PRODUCTION: self.production, Profile.DEVELOPMENT: self.development}
        return guardrails.levels.get(self.guardrail, by_profile[guardrails.profile])


def is_unknown(value: Any) -> bool:
    """Whether a value is known only after the update."""
    return bool(value == UNKNOWN)
