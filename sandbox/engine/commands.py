"""`python -m sandbox pulumi`: any Pulumi command on the unchanged program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.engine.plugins import Mode
from sandbox.engine.project import CHECKOUT, Project
from sandbox.engine.run import Request, run
from sandbox.engine.workspace import Workspace, default_state_folder


def register(app: typer.Typer) -> None:
    """Add this package's commands to the command line."""
    app.command("pulumi", context_settings={"ignore_unknown_options": True})(pulumi)
    app.command("recover")(recover)
    app.command("review", context_settings={"ignore_unknown_options": True})(review)


Stack = Annotated[str, typer.Option(help="The stack; its config is Pulumi.STACK.yaml.")]
Plugins = Annotated[Mode, typer.Option(help="auto: official ones where they can be had, otherwise stand-ins.")]
Program = Annotated[Path, typer.Option(help="The folder of the Pulumi program.")]
State = Annotated[
    Path | None, typer.Option(help="Where to keep the state; by default a folder of its own for each checkout.")
]


def pulumi(
    arguments: Annotated[list[str], typer.Argument(help="Arguments for pulumi: `-- preview --diff`.")],
    stack: Stack = "dev",
    plugins: Plugins = Mode.AUTO,
    project: Program = CHECKOUT,
    state: State = None,
) -> None:
    """Run Pulumi on the unchanged program, with no account, token or download site."""
    request = Request(stack=stack, arguments=arguments, mode=plugins)
    raise typer.Exit(run(request, _workspace(project, state), say=_say))


def recover(
    stack: Stack = "dev", plugins: Plugins = Mode.AUTO, project: Program = CHECKOUT, state: State = None
) -> None:
    """Make a stack fit for the next update after Pulumi was killed: its lock, and what was being created then."""
    # Late, since the client of the Linode API takes long to load.
    from sandbox.engine.recovery import recover as recover_stack

    raise typer.Exit(recover_stack(stack, _workspace(project, state), mode=plugins, say=_say))


def review(
    arguments: Annotated[list[str] | None, typer.Argument(help="More for `pulumi preview`: `-- --refresh`.")] = None,
    stack: Stack = "dev",
    plugins: Plugins = Mode.AUTO,
    project: Program = CHECKOUT,
    state: State = None,
    markdown: Annotated[Path | None, typer.Option(help="Where to write the report for a pull request.")] = None,
    sharing: Annotated[int, typer.Option(min=1, help="How many reports share the pull request's comment.")] = 1,
) -> None:
    """Preview a stack and say what the change would do: dangers, changes, guardrail findings, cost.

    Exits with 1 where something speaks against the change, and with 2 where the preview did not come about.
    """
    # Late, since Pulumi's Automation API takes long to load and no other command needs it.
    from sandbox.engine.review import review as review_change

    request = Request(stack=stack, arguments=("preview", *(arguments or ())), mode=plugins)
    workspace = _workspace(project, state)
    raise typer.Exit(review_change(request, workspace, say=_say, markdown=markdown, sharing=sharing))


def _workspace(project: Path, state: Path | None) -> Workspace:
    place = Project(folder=project.resolve())
    return Workspace(project=place, folder=state.resolve() if state else default_state_folder(place))


def _say(text: str) -> None:
    typer.echo(text, err=True)
