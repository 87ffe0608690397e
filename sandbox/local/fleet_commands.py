"""`python -m sandbox fleet up|down|page|review|pulumi`: the whole fleet with one command."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from operations.claims import shown
from operations.stages import Stage, StoppedError, duration, kept, run_stages
from operations.workloads import allowed, entries
from sandbox.clusters.clients import Name  # noqa: TC001 - Typer reads the annotations at run time
from sandbox.clusters.host import preflight
from sandbox.clusters.host.delays import Delays
from sandbox.clusters.host.layout import DEFAULT_NAME, Layout
from sandbox.engine import Mode, run
from sandbox.local import lifecycle
from sandbox.local.sandbox_commands import WithDelays  # noqa: TC001 - Typer reads the annotations at run time
from sandbox.local.stages import prepare as prepare_machine
from sandbox.local.stages import stages
from sandbox.local.target import Target
from sandbox.verify.calls import calls_by_member
from sandbox.verify.commands import claims, config, outputs
from sandbox.verify.kubeconfigs import keep_all
from sandbox.verify.member import members, views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operations.claims import Claim

Plugins = Annotated[Mode, typer.Option(help="auto: official ones where they can be had, otherwise stand-ins.")]
CALLS: Final = 100
"""From each region, for the page's matrix."""
_WIDTH_WITHOUT_TERMINAL = 140
_INTERRUPTED = 128 + signal.SIGINT


def register(app: typer.Typer) -> None:
    """Add this package's commands to the command line."""
    fleet = typer.Typer(name="fleet", help="The whole fleet on this machine.", no_args_is_help=True)
    fleet.command("prepare")(prepare)
    fleet.command("up")(up)
    fleet.command("down")(down)
    fleet.command("page")(page)
    fleet.command("review")(review)
    fleet.command("pulumi", context_settings={"ignore_unknown_options": True})(pulumi)
    app.add_typer(fleet)


def prepare(name: Name = DEFAULT_NAME) -> None:
    """Build what `up` takes, which needs no root: for whoever runs it, in their own cache."""
    prepare_machine(Target(layout=Layout(name)))


def up(name: Name = DEFAULT_NAME, plugins: Plugins = Mode.AUTO, delays: WithDelays = "") -> None:
    """Bring everything up, check the article's claims, and show the page. Repeated, it goes on where it stopped."""
    target = Target(layout=Layout(name), mode=plugins, delays=Delays.parse(delays))
    console = Console(stderr=True)

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    checked: list[Claim] = []
    verify = Stage(
        name="claims",
        title="what the article promises, looked at on the live fleet",
        usual="about a minute",
        work=lambda: checked.extend(_check(target)),
    )
    try:
        took = run_stages([*stages(target, say=say), verify], say=say, afterwards=kept(_again(name)))
        _show(target, checked)
    except StoppedError as stopped:
        say(str(stopped))
        raise typer.Exit(_INTERRUPTED) from None
    parts = ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in took.items())
    say(f"up in {duration(sum(took.values()))}: {parts}")
    raise typer.Exit(0 if all(claim.holds for claim in checked) else 1)


def _again(name: str) -> str:
    return "make up" if name == DEFAULT_NAME else f"make up NAME={name}"


def _check(target: Target) -> list[Claim]:
    found = outputs(target.stack, target.workspace)
    keep_all(found, target.layout.kubeconfigs)
    console, checked = Console(stderr=True), []
    with tempfile.TemporaryDirectory(prefix="fleet-claims-") as folder:
        settings = config(target.stack, target.workspace)
        for claim in claims(found, settings, target.layout, Path(folder)):
            console.print(shown(claim), soft_wrap=True)
            checked.append(claim)
    return checked


def _show(target: Target, checked: Sequence[Claim]) -> None:
    from sandbox.verify.page import page as drawn
    from sandbox.verify.survey import survey

    found, layout = outputs(target.stack, target.workspace), target.layout
    # Calls come from pods' networks, which takes root on this machine; all else on the page is seen by a viewer.
    workloads = entries(config(target.stack, target.workspace))
    callers = members(found, layout, layout.kubeconfigs)
    calls = {call: calls_by_member(callers, CALLS, call) for call in allowed(workloads)}
    seen = survey(
        found,
        layout,
        views(found, layout, layout.kubeconfigs),
        workloads=workloads,
        calls=calls,
        checked=checked,
    )
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_WITHOUT_TERMINAL)
    console.print(drawn(seen))


def page(name: Name = DEFAULT_NAME) -> None:
    """Show the page of a running fleet."""
    preflight.check_root()
    _show(Target(layout=Layout(name)), ())


def down(name: Name = DEFAULT_NAME) -> None:
    """Take the fleet and its sandbox away: processes, networks, files, and the stack's state."""
    lifecycle.down(Layout(name))


def review(
    name: Name = DEFAULT_NAME,
    plugins: Plugins = Mode.AUTO,
    markdown: Annotated[Path | None, typer.Option(help="Where to write the report as Markdown.")] = None,
) -> None:
    """Say what `fleet up` would now change on the running fleet: dangers, changes, guardrail findings, cost."""
    preflight.check_root()
    # Late, since Pulumi's Automation API takes long to load and no other command needs it.
    from sandbox.engine.review import review as review_change

    target = Target(layout=Layout(name), mode=plugins)
    request = target.request(["preview"])
    raise typer.Exit(review_change(request, target.workspace, say=_say, markdown=markdown))


def pulumi(
    arguments: Annotated[list[str], typer.Argument(help="Arguments for pulumi: `-- stack output`.")],
    name: Name = DEFAULT_NAME,
    plugins: Plugins = Mode.AUTO,
) -> None:
    """Run any Pulumi command on the running fleet's stack."""
    preflight.check_root()
    target = Target(layout=Layout(name), mode=plugins)
    raise typer.Exit(run(target.request(arguments), target.workspace, say=_say))


def _say(text: str) -> None:
    typer.echo(text, err=True)
