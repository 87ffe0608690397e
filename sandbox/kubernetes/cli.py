"""`python -m sandbox up|down|exec|shell|...`: the sandbox as a whole, and clients inside it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from sandbox import privileges
from sandbox.errors import SandboxError
from sandbox.kubernetes import lifecycle, preflight
from sandbox.kubernetes.delays import Delays
from sandbox.kubernetes.forwarding import Forward, serve
from sandbox.kubernetes.layout import DEFAULT_NAME, Layout, namespace_path
from sandbox.kubernetes.network.plan import CLOUD, LINODE_API

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CLONE_NEWNET: Final = 0x40000000
Name = Annotated[str, typer.Option("--name", help="Which sandbox, where there are several.")]

WithDelays = Annotated[str, typer.Option("--delays", help="Seconds to wait as with an account: node=60,answer=0.3")]


class NotUpError(SandboxError):
    """The sandbox is not there."""


def register(app: typer.Typer) -> None:
    """Add this room's commands to the command line."""
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
    from sandbox.kubernetes.health import State, examine

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


def enter_network(layout: Layout) -> None:
    """Move this process into the sandbox's network.

    Raises:
        NotUpError: there is no such sandbox.

    """
    preflight.check_root()
    try:
        descriptor = os.open(namespace_path(layout.wan), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotUpError(
            what=f"The sandbox {layout.name} is not up",
            why=f"there is no network namespace {layout.wan}",
            remedy="Run `python -m sandbox up` first",
        ) from error
    # os.setns came with Python 3.12.
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns", str(namespace_path(layout.wan)))
    os.close(descriptor)
    lifecycle.open_to_invoker(layout)


def client_environment(layout: Layout) -> dict[str, str]:
    """The user's environment, in which clients of Linode find the sandbox's account, and kubectl the fleet's clusters.

    The variables are those of the Pulumi and Terraform providers, linodego and linode-cli.
    """
    token = layout.token.read_text() if layout.token.exists() else ""
    users = privileges.environment()
    own = {"PATH": f"{users.get('PATH', os.defpath)}:{layout.programs}"}
    if "KUBECONFIG" not in users and (kubeconfigs := _kubeconfigs(layout)):
        # kubectl merges them, so that each cluster is a context; the first one's is the default.
        own["KUBECONFIG"] = os.pathsep.join(str(file) for file in kubeconfigs)
    if token:
        own |= {
            "LINODE_URL": LINODE_API,
            "LINODE_TOKEN": token,
            "LINODE_CLI_TOKEN": token,
            "LINODE_CLI_API_HOST": str(CLOUD),
            "LINODE_CLI_API_SCHEME": "http",
        }
    return {**users, **own}


def _kubeconfigs(layout: Layout) -> list[Path]:
    """What was written for users, Karmada's own first."""
    return sorted(layout.kubeconfigs.glob("*.kubeconfig"), key=lambda file: (file.stem != "karmada", file.stem))
