"""Failures that the API server reports, and how they read to a user."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.plugins.framework import ProviderError


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One reason inside an API status: what kind of fault, where, and in words."""

    reason: str
    field: str
    message: str


class ApiError(ProviderError):
    """The API server refused a request; carries its `Status` (k8s.io/apimachinery, meta/v1)."""

    def __init__(self, code: int, status: dict[str, Any]) -> None:
        """`code` is the HTTP status; `status` the decoded body, empty if it was none."""
        self.code = code
        self.reason = str(status.get("reason") or "")
        self.message = str(status.get("message") or f"the server answered {code}")
        details = status.get("details") or {}
        self.kind = str(details.get("kind") or "")
        self.causes = tuple(
            Cause(
                reason=str(cause.get("reason", "")),
                field=str(cause.get("field", "")),
                message=str(cause.get("message", "")),
            )
            for cause in details.get("causes") or []
        )
        super().__init__(self.message)

    @classmethod
    def from_response(cls, code: int, body: bytes) -> ApiError:
        """The error that a response other than 2xx stands for."""
        try:
            status = json.loads(body)
        except ValueError:
            text = body.decode(errors="replace").strip()
            status = {"message": text[:500]} if text else {}
        return cls(code, status if isinstance(status, dict) else {})

    @property
    def not_found(self) -> bool:
        """Whether the object, its namespace or its type is missing."""
        return self.code == 404

    @property
    def namespace_not_found(self) -> bool:
        """Whether the namespace that the object belongs in is missing."""
        return self.not_found and self.kind == "namespaces"

    @property
    def already_exists(self) -> bool:
        """Whether an object of that name is there already."""
        return self.code == 409 and self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        """Whether other field managers own fields, or the object changed in between."""
        return self.code == 409 and self.reason == "Conflict"

    @property
    def forbidden(self) -> bool:
        """Whether the user lacks the right."""
        return self.code == 403

    @property
    def invalid(self) -> bool:
        """Whether the server understood the object and rejects it."""
        return self.code == 422

    @property
    def required_field(self) -> str | None:
        """The field that must not be missing, if that is the fault."""
        for cause in self.causes:
            if self.invalid and cause.reason == "FieldValueRequired":
                return cause.field
        return None


class NoMatchError(ProviderError):
    """The API server has no such type: most often its CustomResourceDefinition is not there (yet)."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')
        self.api_version = api_version
        self.kind = kind


class UnreachableError(ProviderError):
    """No API server can be talked to, and why."""
