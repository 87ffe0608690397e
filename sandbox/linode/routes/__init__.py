"""The endpoints of the API, by the part of it that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.linode.routes import account, catalogue

if TYPE_CHECKING:
    from sandbox.linode.operations import Operation

OPERATIONS: tuple[Operation, ...] = (*account.OPERATIONS, *catalogue.OPERATIONS)
"""Every endpoint."""
