"""What the stack was before the update, which the policy protocol does not tell (docs/decisions/0080).

The state is read through the CLI, whatever backend it is in, and as it is stored: secrets stay encrypted.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

from plan.steps import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIMIT_SECONDS: Final = 60


class StateError(Exception):
    """The state cannot be read; the message says why."""


def read(stack: str, project_folder: Path) -> tuple[Resource, ...]:
    """The resources that a stack has, apart from those that wait for their deletion.

    Args:
        stack: its full name, ORGANIZATION/PROJECT/STACK.
        project_folder: where Pulumi.yaml is, which may name the backend.

    Raises:
        StateError: there is no `pulumi` on PATH, or it fails or does not end.
    """
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise StateError("there is no pulumi on PATH")
    try:
        exported = subprocess.run(  # noqa: S603 - the CLI whose engine asks
            [pulumi, "stack", "export", "--stack", stack, "--non-interactive"],
            cwd=project_folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StateError(f"`pulumi stack export` takes more than {_LIMIT_SECONDS} seconds") from error
    if exported.returncode != 0:
        raise StateError(f"`pulumi stack export` fails: {exported.stderr.strip()}")
    return resources(json.loads(exported.stdout))


def resources(exported: Mapping[str, Any]) -> tuple[Resource, ...]:
    """The resources in what `pulumi stack export` prints."""
    recorded = exported["deployment"].get("resources") or ()
    return tuple(
        Resource(
            urn=one["urn"],
            type=one["type"],
            inputs=one.get("inputs") or {},
            outputs=one.get("outputs") or {},
            provider=one.get("provider", ""),
            protect=one.get("protect", False),
        )
        for one in recorded
        if not one.get("delete")
    )
