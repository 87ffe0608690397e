"""Asks for every pinned image and chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx
import yaml

from fleet.charts import OCI_SCHEME
from fleet.versions import ChartPin, ImagePin
from operations.pins import registry
from operations.pins.findings import Finding, State
from operations.pins.repository import Repositories

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TIMEOUT_SECONDS: Final = 20.0
_ATTEMPTS: Final = 2
"""To connect, after the first."""


def check(pins: Iterable[ImagePin | ChartPin]) -> Iterator[Finding]:
    """What is known of each, as it becomes known."""
    transport = httpx.HTTPTransport(retries=_ATTEMPTS)
    with httpx.Client(transport=transport, timeout=_TIMEOUT_SECONDS, follow_redirects=True) as client:
        repositories = Repositories(client)
        for pin in pins:
            yield _finding(client, repositories, pin)


def _finding(client: httpx.Client, repositories: Repositories, pin: ImagePin | ChartPin) -> Finding:
    try:
        state, why = _look(client, repositories, pin)
    except httpx.HTTPStatusError as error:
        state, why = State.UNASKED, f"{error.request.url.host} answers {error.response.status_code}"
    except httpx.TransportError as error:
        state, why = State.SILENT, f"no answer ({type(error).__name__})"
    except httpx.HTTPError as error:
        state, why = State.UNASKED, f"no answer of use ({type(error).__name__})"
    except (yaml.YAMLError, KeyError, ValueError) as error:
        state, why = State.UNASKED, f"what answers is not what was asked ({type(error).__name__})"
    return Finding(pin=pin, state=state, why=why)


def _look(client: httpx.Client, repositories: Repositories, pin: ImagePin | ChartPin) -> tuple[State, str]:
    if isinstance(pin, ImagePin):
        return registry.look(client, pin.registry, pin.repository, pin.tag, pin.digest)
    if pin.repository.startswith(OCI_SCHEME):
        host, _, below = pin.repository.removeprefix(OCI_SCHEME).rstrip("/").partition("/")
        # A tag has no plus sign, which a version may have (https://helm.sh/docs/topics/registries/).
        return registry.look(client, host, f"{below}/{pin.name}", pin.version.replace("+", "_"))
    return repositories.look(pin.repository, pin.name, pin.version)
