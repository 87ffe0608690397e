"""The provider's configuration: from the program or the stack's config, else from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from sandbox.plugins.framework import UNKNOWN, CheckFailure, Secret, reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import Properties, Value

_PUBLIC_API: Final = "https://api.linode.com"
_VERSIONS: Final = ("v4", "v4beta")

# Each key with the environment variable that stands in for it, as in terraform-provider-linode's docs.
_VARIABLES: Final[Mapping[str, str | None]] = {
    "token": "LINODE_TOKEN",
    "url": "LINODE_URL",
    "apiVersion": "LINODE_API_VERSION",
    "apiCaPath": "LINODE_CA",
    "uaPrefix": "LINODE_UA_PREFIX",
    "eventPollMs": "LINODE_EVENT_POLL_MS",
    "lkeNodeReadyPollMs": "LINODE_LKE_NODE_READY_POLL_MS",
    "skipLkeClusterDeletePoll": None,
}
_DEFAULT_POLL_MS: Final = {"eventPollMs": 4000, "lkeNodeReadyPollMs": 3000}
_ENGINE_KEYS: Final = ("version", "pluginDownloadURL")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to reach the API, and how often to ask it while waiting."""

    token: Secret
    address: str
    """Scheme and host, such as `https://api.linode.com`."""
    version: str
    ca_path: str | None
    user_agent: str | None
    event_poll_seconds: float
    node_poll_seconds: float
    skip_delete_poll: bool

    @property
    def base_url(self) -> str:
        """What every path of the API follows."""
        return f"{self.address}/{self.version}"


def failures(inputs: Properties) -> list[CheckFailure]:
    """What is wrong with the provider's inputs."""
    found = []
    for name, value in inputs.items():
        if name not in _VARIABLES and name not in _ENGINE_KEYS:
            known = ", ".join(sorted(_VARIABLES))
            found.append(
                CheckFailure(path=name, reason=f"the offline stand-in has no such setting; there are: {known}")
            )
        elif name in _DEFAULT_POLL_MS and not _is_positive(reveal(value)):
            found.append(CheckFailure(path=name, reason="this has to be a whole number of milliseconds above 0"))
    return found


def resolve(inputs: Properties) -> Settings:
    """The settings, from inputs that have no failures.

    The URL may carry the API's version, as in `https://api.linode.com/v4`, which linode-cli's users know.
    """
    values = {name: _value(name, inputs) for name in _VARIABLES}
    parts = urlsplit(values["url"] or _PUBLIC_API)
    path = parts.path.strip("/")
    return Settings(
        token=Secret(values["token"] or ""),
        address=urlunsplit(parts._replace(path="", query="", fragment="")),
        version=values["apiVersion"] or (path if path in _VERSIONS else _VERSIONS[0]),
        ca_path=values["apiCaPath"],
        user_agent=values["uaPrefix"],
        event_poll_seconds=_poll_seconds("eventPollMs", values),
        node_poll_seconds=_poll_seconds("lkeNodeReadyPollMs", values),
        skip_delete_poll=values["skipLkeClusterDeletePoll"] == "true",
    )


def _value(name: str, inputs: Properties) -> str | None:
    given = reveal(inputs.get(name))
    if given is None or given is UNKNOWN:
        variable = _VARIABLES[name]
        return os.environ.get(variable) if variable else None
    # Pulumi passes what is no string as its JSON text.
    return str(given).lower() if isinstance(given, bool) else str(given)


def _poll_seconds(name: str, values: Mapping[str, str | None]) -> float:
    return int(values[name] or _DEFAULT_POLL_MS[name]) / 1000


def _is_positive(value: Value) -> bool:
    return value is UNKNOWN or (str(value).isdecimal() and int(value) > 0)
