"""`python -m sandbox pulumi`: any Pulumi command on the unchanged program."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations at run time
from typing import Annotated

import typer

from sandbox.engine.plugins import Mode
from sandbox.engine.project import CHECKOUT, Project
from sandbox.engine.run import Request, run
from sandbox.engine.workspace import Workspace, default_state_folder


def register(app: typer.Typer) -> None:
    """Add this room's commands to the command line."""
    app.command("pulumi", context_settings={"ignore_unknown_options": True})(pulumi)


def pulumi(
    arguments: Annotated[list[str], typer.Argument(help="What Pulumi shall do: `-- preview --diff`.")],
    stack: Annotated[str, typer.Option(help="The stack; its config is Pulumi.STACK.yaml.")] = "dev",
    plugins: Annotated[Mode, typer.Option(help="Official plugins, stand-ins, or what is to be had.")] = Mode.AUTO,
    project: Annotated[Path, typer.Option(help="The folder of the Pulumi program.")] = CHECKOUT,
    state: Annotated[
        Path | None, typer.Option(help="Where to keep the state; by default a folder of its own for each checkout.")
    ] = None,
) -> None:
    """Run Pulumi on the unchanged program, with no account, token or download site."""
    place = Project(folder=project.resolve())
    workspace = Workspace(project=place, folder=state.resolve() if state else default_state_folder(place))
    request = Request(stack=stack, arguments=arguments, mode=plugins)
    raise typer.Exit(run(request, workspace, say=lambda text: typer.echo(text, err=True)))
