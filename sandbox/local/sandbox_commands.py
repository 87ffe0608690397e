"""`python -m sandbox up|down|exec|shell|...`: the sandbox as a whole, and clients inside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from sandbox import privileges
from sandbox.clusters.clients import Name, client_environment, enter_network
from sandbox.clusters.host.delays import Delays
from sandbox.clusters.host.layout import DEFAULT_NAME, Layout
from sandbox.errors import SandboxError
from sandbox.local import lifecycle
from sandbox.local.forwarding import Forward, serve

if TYPE_CHECKING:
    from collections.abc import Sequence


WithDelays = Annotated[str, typer.Option("--delays", help="Seconds to wait as with an account: node=60,answer=0.3")]


def register(app: typer.Typer) -> None:
    """Add this package's commands to the command line."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)
    app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(execute)
    app.command("shell")(shell)
    app.command("forward")(forward)


def up(name: Name = DEFAULT_NAME, delays: WithDelays = "") -> None:
    """Start a sandbox, or repair it: an emulated Linode API whose LKE clusters are real."""
    wanted = Delays.parse(delays)
    lifecycle.up(Layout(name), say=lambda line: Console(stderr=True).print(line, highlight=False), delays=wanted)


def down(name: Name = DEFAULT_NAME) -> None:
    """Take a sandbox down with all that it has."""
    lifecycle.down(Layout(name))


def status(name: Name = DEFAULT_NAME) -> None:
    """Show what runs, and what is unhealthy and why; exits with 1 if anything is."""
    layout = Layout(name)
    enter_network(layout)
    # Late, since the client of the Linode API takes long to load and most commands do without.
    from sandbox.local.health import State, examine

    findings = examine(layout)
    table = Table("part", "state", "detail")
    for finding in findings:
        table.add_row(finding.part, finding.state.value, f"{finding.detail}\n{finding.why}".strip())
    Console().print(table)
    Console().print(f"logs: {layout.logs}", highlight=False)
    raise typer.Exit(0 if all(finding.state is State.WELL for finding in findings) else 1)


def forward(
    address: Annotated[str, typer.Argument(help="LOCAL-PORT:ADDRESS:PORT, or ADDRESS:PORT for the same port.")],
    name: Name = DEFAULT_NAME,
) -> None:
    """Forward a port of 127.0.0.1 to an address inside the sandbox, until Ctrl-C."""
    wanted = Forward.parse(address)
    # Bound in the host's network, which this process then leaves.
    with wanted.listen() as listener:
        enter_network(Layout(name))
        privileges.become_invoker()
        local = listener.getsockname()[1]
        Console(stderr=True).print(f"127.0.0.1:{local} leads to {wanted.host}:{wanted.port}", highlight=False)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(wanted, listener))


def execute(
    command: Annotated[list[str], typer.Argument(help="The command with its arguments, after --.")],
    name: Name = DEFAULT_NAME,
) -> None:
    """Run a command inside the sandbox's network, where the clusters are."""
    _become(Layout(name), command)


def shell(name: Name = DEFAULT_NAME) -> None:
    """Open a shell inside the sandbox's network."""
    _become(Layout(name), [privileges.environment().get("SHELL", "/bin/sh")])


def _become(layout: Layout, command: Sequence[str]) -> NoReturn:
    enter_network(layout)
    environment = client_environment(layout)
    privileges.become_invoker()
    try:
        os.execvpe(command[0], list(command), environment)  # noqa: S606  # the user's own command
    except OSError as error:
        raise SandboxError(
            what=f"`{command[0]}` cannot be run", why=error.strerror or str(error), remedy="Check its name and path"
        ) from error
