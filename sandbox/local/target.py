"""Which fleet: a sandbox, and the stack whose program runs on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sandbox.charts.staging import SOURCES
from sandbox.clusters.clients import NotUpError, open_to_invoker
from sandbox.clusters.host.delays import Delays
from sandbox.clusters.host.subprocesses import inside
from sandbox.clusters.network.plan import LINODE_API
from sandbox.engine import LinodeCredentials, Mode, Project, Request, Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.clusters.host.layout import Layout

STACK: Final = "sandbox"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A sandbox, and the project whose stack is brought up on it.

    The stack's state lies in the sandbox's own folder: it speaks of clusters that are gone when the sandbox is.
    """

    layout: Layout
    project: Project = field(default_factory=Project)
    stack: str = STACK
    mode: Mode = Mode.AUTO
    delays: Delays = field(default_factory=Delays)

    @property
    def workspace(self) -> Workspace:
        """Where the engine keeps the stack's state."""
        charts = {project: str(self.layout.charts / project) for project in SOURCES}
        return Workspace(project=self.project, folder=self.layout.stacks, config={"fleet:charts": charts})

    def request(self, arguments: Sequence[str]) -> Request:
        """A Pulumi command on the stack, run inside the sandbox's network. Raises NotUpError if there is no sandbox."""
        try:
            token = self.layout.token.read_text()
        except FileNotFoundError as error:
            raise NotUpError(
                what=f"The sandbox {self.layout.name} is not up",
                why=f"it has no Linode account in {self.layout.root}",
                remedy="Run `make up` first",
            ) from error
        open_to_invoker(self.layout)
        account = LinodeCredentials(name="the sandbox's Linode account", url=LINODE_API, token=token)
        return Request(
            stack=self.stack,
            arguments=arguments,
            mode=self.mode,
            account=account,
            enter=inside(self.layout.wan, []),
        )
