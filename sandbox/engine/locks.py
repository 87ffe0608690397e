"""What the engine leaves in a stack's state when it is killed: a lock that nobody holds, and creations with no end."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

import psutil
from pydantic import BaseModel, ValidationError

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


def needs_recovery(stack: str, workspace: Workspace) -> bool:
    """Whether a stack's engine was killed, and what it left was not recovered since."""
    found = list(_locks(workspace, stack))
    if found:
        return all(lock.abandoned for lock in found)
    # A recovery that did not come to its end has lifted the lock already.
    return _has_pending_creations(workspace, stack)


def has_lock(stack: str, workspace: Workspace) -> bool:
    """Whether a stack is locked, by an engine that works on it or by one that was killed."""
    return any(_locks(workspace, stack))


def _locks(workspace: Workspace, stack: str) -> Iterator[Lock]:
    for file in (workspace.folder / "backend" / ".pulumi" / "locks").glob(f"organization/*/{stack}/*.json"):
        try:
            yield Lock.model_validate_json(file.read_bytes())
        except (FileNotFoundError, ValidationError):  # Given back, or being written, at this moment.
            continue


def _has_pending_creations(workspace: Workspace, stack: str) -> bool:
    for file in (workspace.folder / "backend" / ".pulumi" / "stacks").glob(f"*/{stack}.json"):
        latest = json.loads(file.read_bytes())["checkpoint"].get("latest") or {}
        if any(operation["type"] == "creating" for operation in latest.get("pending_operations") or ()):
            return True
    return False
