"""The resources that the emulator keeps, as it keeps them; schemas/ says how the API shows them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Something kept under an id of its own; a changed record is a copy that replaces it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int


class TokenRecord(Record):
    """An API token: the digest of its secret, never the secret."""

    label: str
    scopes: str
    digest: str
    prefix: str
    """The secret's first 16 characters, which the API shows to tell tokens apart."""
    created: str
    expiry: str | None = None
