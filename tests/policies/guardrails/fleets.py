"""Whole fleets as the guardrails get them, and what the guardrails find."""

from __future__ import annotations

import base64
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fleet.config.enforcement import Guardrail, Guardrails, Level
from plan.prices import PriceList, Rate
from policies.guardrails.catalogue import DEFINITIONS
from policies.guardrails.model import UNKNOWN, Planned, Resource, Stack
from tests.unit.graph import Stage, build

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from policies.guardrails.model import Finding

PRICES = PriceList(
    rates={
        name: Rate(monthly=Decimal(dollars))
        for name, dollars in {
            "g6-standard-2": "24",
            "g6-standard-4": "48",
            "lke-sa": "0",
            "lke-ha": "60",
            "nodebalancer": "10",
            "volume": "0.1",
        }.items()
    }
)


def token(account: str) -> str:
    """A service account's token, shaped as Kubernetes signs it."""
    parts = ({"alg": "RS256"}, {"iss": "kubernetes", "sub": account})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def stack(
    *,
    guardrails: Mapping[str, Any] | None = None,
    clusters: Iterable[str] = ("us",),
    expelled: Iterable[str] = (),
    acknowledged: Sequence[str] = (),
    deployed: Sequence[Resource] = (),
    prices: PriceList = PRICES,
) -> Stack:
    """A stack with nothing deployed, as strict as in production."""
    return Stack(
        guardrails=Guardrails.model_validate(guardrails or {}),
        clusters=frozenset(clusters),
        expelled=frozenset(expelled),
        acknowledged=tuple(acknowledged),
        deployed=lambda: deployed,
        prices=lambda: prices,
    )


def stack_of(config: Mapping[str, Any], **more: Any) -> Stack:
    """The stack that has this config."""
    given = {"guardrails": config.get("guardrails"), "clusters": config["clusters"]}
    return stack(**{**given, "acknowledged": config.get("acknowledged", ()), **more})


def planned_of(config: Mapping[str, Any], stage: Stage) -> list[Planned]:
    """What the program registers for a config."""
    return [
        Planned(
            resource=Resource(
                urn=node.urn,
                type=node.type,
                inputs=_as_engine(node.plain()),
                provider=node.provider,
                protect=node.protect,
            ),
            sources=node.sources,
        )
        for node in build(config, stage).nodes.values()
    ]


def findings(
    planned: Sequence[Planned], of: Stack, levels: Iterable[Level] = (Level.MANDATORY, Level.ADVISORY)
) -> Iterator[tuple[Guardrail, Finding]]:
    """What every guardrail of some levels finds."""
    for definition in DEFINITIONS:
        if definition.level(of.guardrails) not in levels:
            continue
        for early in definition.early:
            for one in planned:
                yield from ((definition.guardrail, finding) for finding in early(one.resource, of))
        for late in definition.late:
            yield from ((definition.guardrail, finding) for finding in late(planned, of))


def _as_engine(value: Any) -> Any:
    """Inputs as the engine would have them: Kubernetes' tokens say whose they are, the mocks' do not."""
    if isinstance(value, dict):
        return {key: _as_engine(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_as_engine(below) for below in value]
    if isinstance(value, str):
        reader = token("system:serviceaccount:istio-system:fleet-peer")
        return re.sub(r"token-of-\w+-peer-access-token", reader, value)
    return value


__all__ = ["PRICES", "UNKNOWN", "findings", "planned_of", "stack", "stack_of", "token"]
