"""API servers in memory behind the real client, for code that reads, patches and removes objects."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import urllib3
from kubernetes.client import rest

OK: Final = 200
CONFLICT: Final = (409, "Conflict")
NOT_FOUND: Final = (404, "Not Found")


@dataclass(kw_only=True)
class Apis:
    """What is where, by address without scheme: `eu.example/api/v1/namespaces/default`."""

    objects: dict[str, Any] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    """What was changed: method and address, in order."""
    before: Callable[[str, str], None] = lambda method, address: None
    """Called before each request is answered; what it raises is what the client sees."""

    def request(self, method: str, url: str, **given: Any) -> rest.RESTResponse:
        """Answer as an API server would, as far as objects are concerned."""
        parts = urlsplit(url)
        address = f"{parts.hostname}{unquote(parts.path)}"
        self.before(method, address)
        if method == "GET" and address not in self.objects and parts.query:
            return _answer({"items": self._selected(address, parse_qs(parts.query)["labelSelector"][0])})
        if address not in self.objects:
            return _answer({"kind": "Status"}, *NOT_FOUND)
        found, body = self.objects[address], given.get("body")
        if method == "PATCH":
            assert isinstance(body, dict), "a list of operations is no merge"
            version = body.get("metadata", {}).get("resourceVersion")
            if version not in (None, found["metadata"].get("resourceVersion")):
                return _answer({"kind": "Status"}, *CONFLICT)
            self.objects[address] = _merged(found, body)
        elif method == "DELETE":
            del self.objects[address]
        if method != "GET":
            self.changes.append(f"{method} {address}")
        return _answer(self.objects.get(address, {"kind": "Status"}))

    def _selected(self, folder: str, selector: str) -> list[Any]:
        return [
            found
            for address, found in self.objects.items()
            if address.startswith(f"{folder}/") and _fits(selector, found["metadata"]["labels"])
        ]


def _fits(selector: str, labels: dict[str, str]) -> bool:
    """Whether labels fit terms like `key=value` and `key in (one,other)`."""
    terms = [re.split("=| in ", term) for term in re.split(r",(?![^(]*\))", selector)]
    return all(labels.get(key) in values.strip("()").split(",") for key, values in terms)


def _merged(found: Any, patch: Any) -> Any:
    if not isinstance(found, dict) or not isinstance(patch, dict):
        return patch
    kept = {key: value for key, value in found.items() if patch.get(key, value) is not None}
    return kept | {key: _merged(found.get(key), value) for key, value in patch.items() if value is not None}


def _answer(body: Any, status: int = OK, reason: str = "OK") -> rest.RESTResponse:
    response = urllib3.HTTPResponse(
        body=json.dumps(body).encode(), status=status, reason=reason, headers={"Content-Type": "application/json"}
    )
    return rest.RESTResponse(response)
