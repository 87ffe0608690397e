"""`python -m operations account`."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path  # noqa: TC003 - Typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from operations.account import folder as folders
from operations.account.limits import ended_as_by_the_keyboard
from operations.errors import OperationError
from operations.stages import StoppedError
from operations.state import linode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from linode_api4 import LinodeClient

    from operations.account.check import Check
    from operations.account.folder import Folder

app = typer.Typer(help="Try Fleet on a Linode account.", no_args_is_help=True)

_INTERRUPTED: Final = 130
_ACCESS: Final = (
    "read and write access to Kubernetes, and read access to Linodes, Events, NodeBalancers, Volumes, Firewalls and "
    "Object Storage"
)


@app.callback()
def _account() -> None:
    """Try Fleet on a Linode account."""  # Typer makes a sole command the app itself, unless there is a callback.


@app.command()
def check(
    config: Annotated[
        Path,
        typer.Option(help="A stack's config to check with; by default a manager and two members of one node each."),
    ] = folders.OWN_CONFIG,
    max_cost: Annotated[str, typer.Option(help="US dollars that the check may cost at most.")] = "1",
    max_minutes: Annotated[float, typer.Option(min=1, help="Minutes after which everything is taken away.")] = 60,
    confirm: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    resume: Annotated[
        Path | None, typer.Option(help="The folder of a check that was interrupted: take away, and search again.")
    ] = None,
) -> None:
    """Bring a small fleet up with LINODE_TOKEN, look at it, change it, take it away, and search for what is left.

    Ctrl-C takes it away as well. Exits with 1 if anything was wrong, or is left.
    """
    dollars = _dollars(max_cost)
    client = linode.account(os.environ.get("LINODE_TOKEN", ""), os.environ.get("LINODE_URL"), access=_ACCESS)
    with closing(client.session), ended_as_by_the_keyboard():
        if resume is not None:
            begun = _check(folders.opened(resume), client)
            well = _attended(begun, begun.clear)
        else:
            folder = folders.make(config)
            with _gone_unless_agreed(folder):
                begun = _check(folder, client)
                _agree(begun, dollars, max_minutes, confirm=confirm)
            well = _attended(begun, lambda: begun.run(max_minutes))
    raise typer.Exit(0 if well else 1)


def _check(folder: Folder, client: LinodeClient) -> Check:
    # Late, since Pulumi's Automation API takes long to load and no other command needs it.
    from operations.account.check import Check
    from operations.account.claims import reached
    from operations.account.engine import Engine

    console = Console(stderr=True)
    engine = Engine(folder, say=lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True))
    return Check(stack=engine, folder=folder, client=client, console=console, reached=reached)


def _agree(check: Check, dollars: Decimal, minutes: float, *, confirm: bool) -> None:
    """Go on only if the user takes the cost; raises OperationError, or Abort."""
    from operations.account.check import Limits
    from plan import prices

    url, token = os.environ.get("LINODE_URL") or prices.API, os.environ.get("LINODE_TOKEN", "")
    try:
        limits = Limits(dollars=dollars, minutes=minutes)
        if not check.agreed(limits, prices.fetch(url, token), (lambda _question: True) if confirm else typer.confirm):
            raise typer.Abort
    except prices.PriceError as error:
        raise OperationError(what="The check's cost is not known", why=str(error), remedy="Run again") from error


@contextmanager
def _gone_unless_agreed(folder: Folder) -> Iterator[None]:
    """Remove the folder where the block fails: nothing is made yet, so that only what Pulumi said is worth keeping."""
    try:
        yield
    except BaseException:
        if not folder.log.exists():
            folder.remove()
        raise


def _attended(check: Check, work: Callable[[], bool]) -> bool:
    """Do it; whoever interrupts it reads how to go on."""
    from operations.account.check import resuming

    try:
        return work()
    except (StoppedError, KeyboardInterrupt) as stopped:
        check.say(str(stopped) or f"interrupted; `{resuming(check.folder)}` takes away what there is")
        raise typer.Exit(_INTERRUPTED) from None


def _dollars(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no amount of dollars", param_hint="--max-cost") from None
