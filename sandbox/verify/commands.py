"""`python -m sandbox verify`: what holds on the fleet that runs now, claim by claim."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from fleet.config.decoding import decoded, of_project
from fleet.config.settings import Layer
from operations.claims import shown
from operations.workloads import entries
from sandbox.clusters.clients import Name, enter_network
from sandbox.clusters.host.layout import DEFAULT_NAME, Layout
from sandbox.engine import EngineError, Project, Workspace, ask
from sandbox.engine.project import CHECKOUT
from sandbox.errors import SandboxError
from sandbox.verify import account, backups, balancers, failover, firewall, karmada, mesh, secrets
from sandbox.verify.member import karmada_api, members, views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from operations.claims import Claim


DIFFERENCES: Final = "docs/sandbox.md#how-the-sandbox-differs-from-an-account"
"""The table of all that is known to differ."""


class NoFleetError(SandboxError):
    """The stack has no outputs to start from."""


def register(app: typer.Typer) -> None:
    """Add this package's commands to the command line."""
    app.command("verify")(verify)


def verify(
    name: Name = DEFAULT_NAME,
    stack: Annotated[str, typer.Option(help="The stack that was brought up.")] = "sandbox",
    project: Annotated[Path, typer.Option(help="The folder of the Pulumi program.")] = CHECKOUT,
    state: Annotated[
        Path | None, typer.Option(help="Where the stack's state is; by default in the sandbox's own folder.")
    ] = None,
) -> None:
    """Check the article's claims on the live fleet, and print each with its evidence; exits with 1 if one is wrong."""
    layout = Layout(name)
    # kubectl runs in the sandbox's network by itself; this tells in a sentence that there is none.
    enter_network(layout)
    workspace = Workspace(project=Project(folder=project.resolve()), folder=state.resolve() if state else layout.stacks)
    console = Console()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="fleet-verify-") as folder:
        for claim in claims(outputs(stack, workspace), config(stack, workspace), layout, Path(folder)):
            wrong += not claim.holds
            console.print(shown(claim))
    console.print(f"looked at in the sandbox; what differs with an account, and what that hides: {DIFFERENCES}")
    raise typer.Exit(1 if wrong else 0)


def claims(outputs: Mapping[str, Any], settings: Mapping[str, str], layout: Layout, folder: Path) -> Iterator[Claim]:
    """The claims about every layer that the stack has. `folder` takes kubeconfigs and is the caller's.

    `settings` is the stack's config, with secrets in the clear.

    Raises:
        CommandError: a cluster cannot be asked.
        NoFleetError: the stack has no layer yet.

    """
    found = members(outputs, layout, folder)
    if not (outputs.get("karmadaKubeconfig") or outputs.get("eastWestGateways")):
        raise NoFleetError(
            what="There is nothing to verify",
            why="the stack has neither Karmada nor a mesh",
            remedy="Run `make up` first",
        )
    expelled = [cluster["name"] for cluster in outputs["clusters"] if cluster.get("expelled")]
    seen = views(outputs, layout, folder)
    workloads = entries(settings) if Layer.WORKLOADS in layers(settings) else {}
    if api := karmada_api(outputs, layout, folder):
        yield from karmada.claims(api, found, folder, workloads, expelled)
        yield from secrets.claims(api, found, workloads, decoded(of_project(settings).get("secrets", "{}")))
    [manager] = [cluster["name"] for cluster in outputs["clusters"] if not cluster["network"]]
    if outputs.get("karmadaFirewall"):
        yield from firewall.claims(outputs, partial(account.ask, layout))
    if outputs.get("failover"):
        yield failover.runs(seen[manager])
    if outputs.get("backups"):
        yield backups.backed_up(outputs, seen[manager], partial(account.ask, layout))
    if outputs.get("eastWestGateways"):
        yield from mesh.claims(found, outputs["ingresses"], workloads)
        yield from firewall.peers(outputs, partial(account.ask, layout))
    clusters = [cluster["name"] for cluster in outputs["clusters"] if cluster["name"] not in expelled]
    yield from balancers.claims(layout, [seen[name] for name in clusters])


def layers(settings: Mapping[str, str]) -> tuple[str, ...]:
    """The layers that a stack's config asks for."""
    said = of_project(settings).get("layers")
    return tuple(decoded(said)) if said else tuple(Layer)


def config(stack: str, workspace: Workspace) -> dict[str, str]:
    """A stack's config as the engine hands it over, secrets in the clear.

    Raises:
        NoFleetError: there is no such stack.

    """
    try:
        found = json.loads(ask(stack, workspace, "config", "--json", "--show-secrets"))
    except EngineError as error:
        why = error.why.splitlines()[-1]
        raise NoFleetError(what="The stack's config cannot be read", why=why, remedy="Run `make up` first") from error
    return {key: setting["value"] for key, setting in found.items()}


def outputs(stack: str, workspace: Workspace) -> dict[str, Any]:
    """What a stack exports, secrets in the clear.

    Raises:
        NoFleetError: it has no clusters.

    """
    why = "the stack has no clusters yet"
    try:
        if workspace.folder.exists():
            found: dict[str, Any] = json.loads(ask(stack, workspace, "stack", "output", "--json", "--show-secrets"))
            if "viewKubeconfigs" in found:
                return found
            if "clusters" in found:
                why = "it gives viewers nothing: an earlier version of Fleet brought it up, or it did not come up whole"
    except EngineError as error:
        why = error.why.splitlines()[-1]
    raise NoFleetError(what="There is no fleet to look at", why=why, remedy="Run `make up` first")
