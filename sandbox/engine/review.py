"""A preview and the report on it, with the same account for both: the emulated one lives as long as its command."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from plan import prices
from plan.events import EventLogError
from review.cli import examine, hand_over
from sandbox.engine.run import account_for, run
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox.engine.run import LinodeCredentials, Request
    from sandbox.engine.workspace import Workspace

_EVENT_LOG_FLAG = {"PULUMI_DEBUG_COMMANDS": "true"}
"""What makes the CLI take --event-log, as the Automation API does."""


class NoReportError(SandboxError):
    """The preview ended before the engine had anything to report."""


def review(
    request: Request, workspace: Workspace, *, say: Callable[[str], None], markdown: Path | None, sharing: int = 1
) -> int:
    """Run the request, which is a preview, and show the report.

    `markdown` gets it as text too, as long as it may be where this many reports share a comment.

    Returns 1 where something speaks against the change, else 0. Raises a SandboxError where there is no report.
    """
    workspace.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    events = workspace.folder / f"events-{request.stack}.json"
    log = workspace.folder / f"preview-{request.stack}.log"
    # An earlier preview's must not be taken for this one's.
    events.unlink(missing_ok=True)
    with account_for(request) as account:
        preview = replace(
            request,
            account=account,
            arguments=[*request.arguments, f"--event-log={events}"],
            variables={**request.variables, **_EVENT_LOG_FLAG},
            log=log,
        )
        status = run(preview, workspace, say=say)
        try:
            with _price_source(request, account) as (url, token):
                found = examine(events, url=url, token=token)
        except EventLogError as error:
            said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            raise NoReportError(
                what=f"The preview of {request.stack} gave no events",
                why=said.strip() or str(error),
                remedy="Mend that",
            ) from error
    return hand_over(found, console=Console(), markdown=markdown, sharing=sharing) or int(status != 0)


@contextlib.contextmanager
def _price_source(request: Request, account: LinodeCredentials | None) -> Iterator[tuple[str, str]]:
    """Where to ask for prices, and a token for it."""
    if request.enter:
        # The account is in a network of its own, which this process is not in. The catalogue is the same here.
        from sandbox.linode import LinodeApi

        with LinodeApi() as api:
            yield api.url, api.token
    elif account is not None:
        yield account.url, account.token
    else:
        yield os.environ.get("LINODE_URL") or prices.API, os.environ.get("LINODE_TOKEN", "")
