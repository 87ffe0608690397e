"""From a machine with nothing to a running fleet, in stages that may be repeated; and back to nothing."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Final

from operations.stages import Stage
from sandbox.charts.staging import SOURCES
from sandbox.clusters.clients import client_environment
from sandbox.clusters.host import preflight
from sandbox.clusters.host.subprocesses import inside
from sandbox.clusters.images.model import tools_in
from sandbox.clusters.images.table import IMAGES
from sandbox.engine import run
from sandbox.engine.locks import needs_recovery
from sandbox.errors import SandboxError
from sandbox.local import lifecycle
from sandbox.plugins.installation import PLUGINS
from sandbox.privileges import as_invoker, hand_over
from sandbox.toolchain.process import attend
from sandbox.toolchain.resolver import default_toolchain
from sandbox.toolchain.sources import module_folder
from sandbox.toolchain.tools import find_tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.local.target import Target

FLEET_TOOLS: Final = frozenset(
    {
        "pulumi",
        *(plugin.tool for plugin in PLUGINS if plugin.tool is not None),
        *lifecycle.CLUSTER_TOOLS,
        *tools_in(layer for image in IMAGES for layer in image.layers),
    }
)
"""What it takes of the toolchain; what only tests drive is built by them."""
UPDATE: Final = ("up", "--yes", "--skip-preview", "--suppress-outputs")
"""The program as a user runs it; what it exports is shown on the page."""


class UpdateError(SandboxError):
    """The engine did not finish."""


def stages(target: Target, *, say: Callable[[str], None]) -> list[Stage]:
    """What it takes to have a fleet: tools, a sandbox, and the program's own work. `say` gets their lines."""
    layout = target.layout
    return [
        Stage(
            name="tools",
            title=f"{len(FLEET_TOOLS)} programs, built from their Go modules where they are missing",
            usual="seconds, or three quarters of an hour on a new machine with two cores",
            work=lambda: _build(target),
        ),
        Stage(
            name="sandbox",
            title="an emulated Linode account in a network of its own",
            usual="seconds, or a minute where the clusters' images are made first",
            work=lambda: lifecycle.up(layout, say=say, delays=target.delays),
        ),
        Stage(
            name="fleet",
            title="`pulumi up` of clusters, Karmada, mesh and workloads",
            usual="about 4 minutes, or seconds where nothing changes",
            work=lambda: update(target, say=say),
        ),
    ]


def prepare(target: Target) -> None:
    """Build what a fleet takes, and fetch the files of modules that go with it; no root has a part in it.

    Raises:
        SandboxError: it cannot be built, or this machine has no room for it.

    """
    # Before all the building, not after it.
    preflight.check_processor()
    toolchain = default_toolchain()
    missing = [tool for tool in find_tools(FLEET_TOOLS) if toolchain.standing(tool).path is None]
    building = {toolchain.cache.folder: preflight.BUILDING_BYTES * len(missing) // len(FLEET_TOOLS)} if missing else {}
    preflight.check_room(target.layout, preflight.FLEET, building)
    toolchain.paths(FLEET_TOOLS)
    for source in SOURCES.values():
        module_folder(source.module, source.path)


def _build(target: Target) -> None:
    preflight.check(target.layout, preflight.FLEET)
    prepare(target)


def _recover(target: Target) -> None:
    """`python -m sandbox recover` where the account can be reached.

    Raises:
        UpdateError: what was being created cannot be looked for.

    """
    places = ("--project", str(target.project.folder), "--state", str(target.workspace.folder))
    command = [sys.executable, "-m", "sandbox", "recover", "--stack", target.stack, *places]
    line = inside(target.layout.wan, as_invoker([*command, "--plugins", target.mode.value]))
    code = attend(line, client_environment(target.layout))
    if code != 0:
        raise UpdateError(
            what="What the killed update was creating cannot be looked for",
            why=f"`{shlex.join(command)}` ended with exit code {code}, and says why above",
            remedy="Mend that, or just run it again",
        )


def update(target: Target, *, say: Callable[[str], None]) -> None:
    """`pulumi up` of the unchanged program, on the terminal.

    Raises:
        SandboxError: it cannot be run, or did not finish.

    """
    # What an earlier `up` may have left to root.
    hand_over(target.workspace.folder)
    if needs_recovery(target.stack, target.workspace):
        say("the last update was killed; its lock on the stack is taken away, and what it was creating is looked for")
        _recover(target)
    code = run(target.request(UPDATE), target.workspace, say=say)
    if code != 0:
        raise UpdateError(
            what="`pulumi up` did not finish",
            why=f"it ended with exit code {code}, and says why above",
            remedy="Mend that, or just run it again: it goes on where it stopped",
        )
