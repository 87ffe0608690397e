"""The command line: `python -m operations COMMAND`. Each package brings its own commands."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from rich.console import Console

from operations.account import commands as account_commands
from operations.errors import OperationError
from operations.karmada import commands as karmada_commands
from operations.pins import commands as pins_commands
from operations.state import commands as state_commands

app = typer.Typer(
    name="operations",
    help="Look after a fleet: its state, its backups, what it takes from registries, and if an account can run one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # Locals may hold secrets.
)
app.add_typer(account_commands.app, name="account")
app.add_typer(karmada_commands.app, name="karmada")
app.add_typer(pins_commands.app, name="pins")
app.add_typer(state_commands.app, name="state")


def main() -> NoReturn:
    """Run a command. Exits with its code, with 1 and a sentence for what the user can mend, 130 after Ctrl-C."""
    try:
        app(prog_name="python -m operations")
    except OperationError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    sys.exit(0)
