"""Config as Pulumi hands it over: texts by key, in which structured values are JSON.

Its own module, since whoever reads a plan or judges a stack decodes it too, and needs none of the models.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT: Final = "fleet"


def of_project(config: Mapping[str, str]) -> dict[str, str]:
    """The project's own config by section, without what providers are told."""
    prefix = f"{PROJECT}:"
    return {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}


def decoded(value: str) -> Any:
    """Pulumi hands structured config over as JSON text, and a plain string as it is."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
