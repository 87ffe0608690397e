"""Locks that the engine leaves in a stack's state when it is killed, and which nobody holds any more."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import psutil
from pydantic import BaseModel, ValidationError

from sandbox.engine.run import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.engine.workspace import Workspace


class Lock(BaseModel):
    """What the engine writes of itself into its lock (pkg/backend/diy/lock.go, lockContent)."""

    pid: int
    hostname: str

    @property
    def abandoned(self) -> bool:
        """Whether its engine ran on this machine and is gone."""
        return self.hostname == platform.node() and not _is_engine(self.pid)


def _is_engine(pid: int) -> bool:
    try:
        return psutil.Process(pid).name().startswith("pulumi")
    except psutil.NoSuchProcess:
        return False


def release_abandoned(stack: str, workspace: Workspace) -> bool:
    """Unlock a stack whose engine was killed. Returns whether it was locked so.

    Raises:
        SandboxError: Pulumi cannot unlock it.

    """
    found = list(_locks(workspace, stack))
    if not found or not all(lock.abandoned for lock in found):
        return False
    ask(stack, workspace, "cancel", "--yes")
    return True


def has_lock(stack: str, workspace: Workspace) -> bool:
    """Whether a stack is locked, by an engine that works on it or by one that was killed."""
    return any(_locks(workspace, stack))


def _locks(workspace: Workspace, stack: str) -> Iterator[Lock]:
    for file in (workspace.folder / "backend" / ".pulumi" / "locks").glob(f"organization/*/{stack}/*.json"):
        try:
            yield Lock.model_validate_json(file.read_bytes())
        except (FileNotFoundError, ValidationError):  # Given back, or being written, at this moment.
            continue
