"""A registry's answer for one manifest, asked by whoever has no account there.

https://distribution.github.io/distribution/spec/api/ and https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import ipaddress
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fleet.versions import DOCKER_HUB
from operations.pins.findings import State

if TYPE_CHECKING:
    import httpx

_HOSTS: Final = {DOCKER_HUB: "registry-1.docker.io"}
"""Where a registry is that is called otherwise."""
_MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')


def look(client: httpx.Client, registry: str, repository: str, tag: str, digest: str = "") -> tuple[State, str]:
    """Whether a registry has a manifest: by its tag, and of that digest if there is one.

    Raises:
        httpx.HTTPError: it does not answer.
    """
    address = f"{_base(registry)}/v2/{repository}/manifests/{digest or tag}"
    headers = {"Accept": _MANIFESTS}
    answer = client.head(address, headers=headers)
    challenge = answer.headers.get("WWW-Authenticate", "")
    if answer.status_code == HTTPStatus.UNAUTHORIZED and challenge.lower().startswith("bearer "):
        token = _token(client, challenge)
        answer = client.head(address, headers={**headers, "Authorization": f"Bearer {token}"})
    return _said(answer.status_code, f"{registry} has no {repository} {digest or tag}")


def _said(status: int, missing: str) -> tuple[State, str]:
    """What an answer means. A registry does not tell what is not there from what nobody may see."""
    if status == HTTPStatus.OK:
        return State.THERE, ""
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return State.MISSING, f"{missing} for the public ({status})"
    return State.UNASKED, f"it answers {status}"


def _token(client: httpx.Client, challenge: str) -> str:
    """A token for nobody in particular, of the authority that the registry names."""
    asked = dict(_PARAMETER.findall(challenge))
    realm = asked.pop("realm", "")
    answer = client.get(realm, params=asked)
    answer.raise_for_status()
    given = answer.json()
    return str(given.get("token") or given["access_token"])


def _base(registry: str) -> str:
    """Where a registry's API is; one on this very machine speaks plain HTTP, as all of Docker's clients have it."""
    host = registry.rpartition(":")[0] or registry
    return f"{'http' if _is_loopback(host) else 'https'}://{_HOSTS.get(registry, registry)}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
