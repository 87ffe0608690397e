"""Bearer tokens and OAuth scopes.

A token is known by its SHA-256 digest only: neither the state nor a log ever holds the secret itself. A scope is
``service:access`` (``lke:read_only``), ``*`` is everything; read_write includes read_only
(https://techdocs.akamai.com/linode-api/reference/get-started#oauth).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum


class Access(IntEnum):
    """How far a scope reaches; greater includes smaller."""

    READ_ONLY = 1
    READ_WRITE = 2


_ACCESS = {"read_only": Access.READ_ONLY, "read_write": Access.READ_WRITE}
SERVICES = frozenset(
    {
        "account",
        "child_account",
        "databases",
        "domains",
        "events",
        "firewall",
        "images",
        "ips",
        "linodes",
        "lke",
        "longview",
        "monitor",
        "nodebalancers",
        "object_storage",
        "stackscripts",
        "volumes",
        "vpc",
    }
)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One right: an access to one service's endpoints."""

    service: str
    access: Access

    def __str__(self) -> str:
        return f"{self.service}:{self.access.name.lower()}"


@dataclass(frozen=True, kw_only=True)
class Scopes:
    """What a token may do; `rights` is None where it may do everything."""

    rights: tuple[Scope, ...] | None

    @classmethod
    def parse(cls, text: str) -> Scopes:
        """The scopes in a space- or comma-separated list, or ``*``.

        Raises ValueError if a scope has no such service or access.
        """
        names = text.replace(",", " ").split()
        if names == ["*"]:
            return cls(rights=None)
        if not names:
            raise ValueError("no scope given: name services as in 'lke:read_only', or '*' for all")
        return cls(rights=tuple(_parse_scope(name) for name in names))

    def allow(self, needed: Scope) -> bool:
        """Whether a token with these scopes may use an endpoint that needs `needed`."""
        if self.rights is None:
            return True
        return any(right.service == needed.service and right.access >= needed.access for right in self.rights)

    def __str__(self) -> str:
        return "*" if self.rights is None else " ".join(str(right) for right in self.rights)


def _parse_scope(name: str) -> Scope:
    service, _, access = name.partition(":")
    if service not in SERVICES or access not in _ACCESS:
        raise ValueError(f"{name!r} is no scope: it takes a service and read_only or read_write")
    return Scope(service=service, access=_ACCESS[access])


def digest(secret: str) -> str:
    """What the emulator keeps of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer_secret(header: str | None) -> str | None:
    """The token in an Authorization header, if it holds one."""
    scheme, _, secret = (header or "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None
