"""A chart's place in a Helm repository: in its index, and behind the address that the index gives.

https://helm.sh/docs/topics/chart_repository/
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import yaml

from operations.pins.findings import State

if TYPE_CHECKING:
    import httpx

# Istio's index has thousands of lines, which the parser in Python takes seconds for.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Repositories:
    """Helm repositories, each of whose index is fetched once."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._indexes: dict[str, dict[str, Any]] = {}

    def look(self, repository: str, name: str, version: str) -> tuple[State, str]:
        """Whether a repository has a version of a chart.

        Raises:
            httpx.HTTPError: it does not answer, or refuses.
            yaml.YAMLError: what it has is no index.
        """
        entries = self._index(repository).get("entries") or {}
        found = [entry for entry in entries.get(name) or () if entry["version"] == version]
        if not found:
            return State.MISSING, f"the index of {repository} has no {name} {version}"
        archive = urljoin(f"{repository.rstrip('/')}/", found[0]["urls"][0])
        status = self._client.head(archive).status_code
        if status == HTTPStatus.NOT_FOUND:
            return State.MISSING, f"the index names {archive}, where nothing is"
        return (State.THERE, "") if status == HTTPStatus.OK else (State.UNASKED, f"{archive} answers {status}")

    def _index(self, repository: str) -> dict[str, Any]:
        if repository not in self._indexes:
            answer = self._client.get(f"{repository.rstrip('/')}/index.yaml")
            answer.raise_for_status()
            index = yaml.load(answer.text, Loader=_Loader)  # noqa: S506 - a safe loader either way
            self._indexes[repository] = index if isinstance(index, dict) else {}
        return self._indexes[repository]
