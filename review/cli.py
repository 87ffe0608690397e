"""The command line: the report on an event log, with prices of the day; and which stacks a change concerns."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from plan import events, prices
from review import comment, report
from review.stacks import changed_stacks, known_stacks

if TYPE_CHECKING:
    from review.report import Report

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)  # Locals may hold secrets.


@app.command("stacks")
def name_stacks() -> None:
    """Read changed paths, one a line, and print which stacks to preview, as an output of a workflow's step."""
    names = changed_stacks(sys.stdin.read().splitlines(), known_stacks(Path.cwd()))
    typer.echo(f"stacks={json.dumps(names)}")


@app.command("report")
def print_report(
    event_log: Annotated[Path, typer.Argument(help="What `pulumi preview --event-log FILE` wrote.")],
    markdown: Annotated[Path | None, typer.Option(help="Where to write the report for a pull request.")] = None,
    sharing: Annotated[int, typer.Option(min=1, help="How many reports share the pull request's comment.")] = 1,
) -> None:
    """Say what a previewed change would do: what is dangerous, what changes, what guardrails say, what it costs.

    Prices come from the Linode API at LINODE_URL, with LINODE_TOKEN. Exits with 1 where something speaks against the
    change, and with 2 where there is no report to give.
    """
    try:
        found = examine(
            event_log, url=os.environ.get("LINODE_URL") or prices.API, token=os.environ.get("LINODE_TOKEN", "")
        )
    except events.EventLogError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    raise typer.Exit(hand_over(found, console=Console(), markdown=markdown, sharing=sharing))


def examine(event_log: Path, *, url: str, token: str) -> Report:
    """The report on an event log, with prices from an API if it has them.

    Raises:
        EventLogError: there is nothing to report on.

    """
    plan = events.read(event_log)
    try:
        return report.build(plan, prices.fetch(url, token))
    except prices.PriceError as error:
        # A reviewer without prices is better off than one without a report.
        return report.build(plan, None, no_prices=str(error))


def hand_over(found: Report, *, console: Console, markdown: Path | None, sharing: int = 1) -> int:
    """Print the report, and write it where a pull request's comment is taken from. Returns 1 if something blocks."""
    if markdown is not None:
        markdown.write_text(comment.for_pull_request(found, sharing=sharing), encoding="utf-8")
    console.print(Markdown(comment.markdown(found)))
    return 1 if found.blockers else 0
