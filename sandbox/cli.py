"""The command line: `python -m sandbox COMMAND`. Each package brings its own commands."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from sandbox.engine import commands as engine_commands
from sandbox.errors import SandboxError
from sandbox.local import fleet_commands, image_commands, sandbox_commands
from sandbox.toolchain import commands as toolchain_commands
from sandbox.verify import commands as verify_commands

if TYPE_CHECKING:
    from types import FrameType

app = typer.Typer(
    name="sandbox",
    help="Run Fleet on this machine, with no cloud account.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # Locals may hold secrets.
)
toolchain_commands.register(app)
engine_commands.register(app)
sandbox_commands.register(app)
image_commands.register(app)
verify_commands.register(app)
fleet_commands.register(app)


def main() -> NoReturn:
    """Run a command. Exits with its code, with 1 and a sentence for what the user can mend, 130 after Ctrl-C."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        app(prog_name="python -m sandbox")
    except SandboxError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    sys.exit(0)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    # An exception and not a sudden end, so that what was begun is cleared away.
    sys.exit(128 + number)
