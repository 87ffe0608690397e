"""`python -m sandbox up|down|exec|shell|...`: the sandbox as a whole, and clients inside it."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer
from rich.console import Console

from sandbox.errors import SandboxError
from sandbox.kubernetes import lifecycle, preflight
from sandbox.kubernetes.layout import DEFAULT_NAME, Layout, namespace_path

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLONE_NEWNET: Final = 0x40000000
Name = Annotated[str, typer.Option("--name", help="Which sandbox, where there are several.")]


class NotUpError(SandboxError):
    """The sandbox is not there."""


def register(app: typer.Typer) -> None:
    """Add this room's commands to the command line."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(execute)
    app.command("shell")(shell)


def up(name: Name = DEFAULT_NAME) -> None:
    """Start a sandbox, or repair it: an emulated Linode API whose LKE clusters are real."""
    lifecycle.up(Layout(name), say=lambda line: Console(stderr=True).print(line, highlight=False))


def down(name: Name = DEFAULT_NAME) -> None:
    """Take a sandbox down with all that it has."""
    lifecycle.down(Layout(name))


def execute(
    command: Annotated[list[str], typer.Argument(help="The command with its arguments, after --.")],
    name: Name = DEFAULT_NAME,
) -> None:
    """Run a command inside the sandbox's network, where the clusters are."""
    _become(Layout(name), command)


def shell(name: Name = DEFAULT_NAME) -> None:
    """Open a shell inside the sandbox's network."""
    _become(Layout(name), [os.environ.get("SHELL", "/bin/sh")])


def _become(layout: Layout, command: Sequence[str]) -> NoReturn:
    enter_network(layout)
    try:
        os.execvpe(command[0], list(command), client_environment())  # noqa: S606  # the user's own command
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


def client_environment() -> dict[str, str]:
    """The user's environment, with the toolchain's kubectl and helm to be found where the user has none."""
    return dict(os.environ)
