"""`python -m operations pins`."""

from __future__ import annotations

import typer

from fleet.versions import CHARTS, IMAGES
from operations.errors import OperationError
from operations.pins.check import check
from operations.pins.findings import State, switched_off, verdict

app = typer.Typer(help="What a fleet runs by default, and where it comes from.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """One command alone would take the place of its group."""


@app.command("check")
def _check() -> None:
    """Ask registries and repositories for every image and chart of fleet/versions.py; what nobody answers for is told.

    Ends with 1 if one of them is not to be had, or if a host is silent while others answer, as one is that was switched
    off; and with 0 where none of them can be reached.
    """
    findings = []
    for finding in check((*CHARTS, *IMAGES)):
        findings.append(finding)
        typer.echo(finding.sentence())
    if any(finding.state is State.MISSING for finding in findings) or switched_off(findings):
        raise OperationError(
            what="Not everything that a fleet runs is published any more",
            why=verdict(findings),
            remedy="Change fleet/versions.py",
        )
    typer.echo(f"{verdict(findings)}.")
