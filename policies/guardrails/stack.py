"""What the pack knows of the stack besides its resources: its config, its state and Linode's prices."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from fleet.config.decoding import decoded, of_project
from fleet.config.enforcement import Guardrails
from plan import prices
from policies.guardrails import export
from policies.guardrails.model import Stack, known

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from plan.prices import PriceList
    from policies.guardrails.model import Resource

LINODE_PROVIDER: Final = "pulumi:providers:linode"
_CHECKOUT: Final = Path(__file__).resolve().parents[2]


class Session:
    """One run of the engine: the stack's settings, and what was seen of its resources so far."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """`environment` is what the language host gives a policy pack (PULUMI_STACK, PULUMI_CONFIG and so on)."""
        settings = _settings(environment)
        self._environment = environment
        self._inputs: dict[str, Resource] = {}
        # Both take a while, and are not needed at once: the program runs meanwhile.
        self._threads = ThreadPoolExecutor(max_workers=2)
        self._deployed = self._threads.submit(export.read, _full_name(environment), _CHECKOUT)
        guardrails = _guardrails(settings.get("guardrails"))
        clusters: Mapping[str, Any] = settings.get("clusters") or {}
        self._wants_prices = guardrails.monthly_limit is not None
        self._prices: Future[PriceList] | None = None
        if environment.get("LINODE_TOKEN"):
            self._look_up_prices("", "")
        self.stack = Stack(
            guardrails=guardrails,
            clusters=frozenset(clusters),
            expelled=frozenset(name for name, cluster in clusters.items() if (cluster or {}).get("expelled")),
            acknowledged=tuple(settings.get("acknowledged") or ()),
            deployed=self._deployed.result,
            prices=self._priced,
        )

    def saw(self, resource: Resource) -> None:
        """Remember what the program asks for; at the end the engine only tells what became of it."""
        self._inputs[resource.urn] = resource
        if resource.type == LINODE_PROVIDER:
            self._look_up_prices(*(known(resource.inputs.get(key)) or "" for key in ("url", "token")))

    def asked_for(self, urn: str) -> Mapping[str, Any] | None:
        """The inputs of a resource that was seen."""
        seen = self._inputs.get(urn)
        return None if seen is None else seen.inputs

    def _look_up_prices(self, url: str, token: str) -> None:
        if self._wants_prices and self._prices is None:
            self._prices = self._threads.submit(self._ask_for_prices, url, token)

    def _ask_for_prices(self, url: str, token: str) -> PriceList:
        return prices.fetch(
            url or self._environment.get("LINODE_URL") or prices.API,
            token or self._environment.get("LINODE_TOKEN", ""),
        )

    def _priced(self) -> PriceList:
        return self._ask_for_prices("", "") if self._prices is None else self._prices.result()


def _settings(environment: Mapping[str, str]) -> dict[str, Any]:
    """The project's config, each value decoded."""
    config = of_project(json.loads(environment.get("PULUMI_CONFIG") or "{}"))
    return {section: decoded(value) for section, value in config.items()}


def _guardrails(section: Any) -> Guardrails:
    """The stack's word on its guardrails; where it is wrong, the program says so, and here the strictest holds."""
    try:
        return Guardrails.model_validate(section or {})
    except ValidationError:
        return Guardrails()


def _full_name(environment: Mapping[str, str]) -> str:
    names = (environment.get(name, "") for name in ("PULUMI_ORGANIZATION", "PULUMI_PROJECT", "PULUMI_STACK"))
    return "/".join(name for name in names if name)
