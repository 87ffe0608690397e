"""`python -m sandbox verify`: what holds on the fleet that runs now, claim by claim."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from sandbox.engine.project import CHECKOUT
from sandbox.errors import SandboxError
from sandbox.kubernetes.cli import Name, client_environment, enter_network
from sandbox.kubernetes.layout import DEFAULT_NAME, Layout
from sandbox.verify import karmada, mesh
from sandbox.verify.member import Client, kept, members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.verify.claims import Claim


class NoFleetError(SandboxError):
    """The stack has no outputs to start from."""


def register(app: typer.Typer) -> None:
    """Add this room's commands to the command line."""
    app.command("verify")(verify)


def verify(
    name: Name = DEFAULT_NAME,
    stack: Annotated[str, typer.Option(help="The stack that was brought up.")] = "sandbox",
    project: Annotated[Path, typer.Option(help="The folder of the Pulumi program.")] = CHECKOUT,
    state: Annotated[Path | None, typer.Option(help="Where the stack's state is, if elsewhere.")] = None,
) -> None:
    """Check the article's claims on the live fleet, and print each with its evidence; exits with 1 if one is wrong."""
    layout = Layout(name)
    places = ["--project", str(project), *(["--state", str(state)] if state else [])]
    outputs = _outputs(layout, ["--stack", stack, *places])
    # kubectl runs in the sandbox's network by itself; this tells in a sentence that there is none.
    enter_network(layout)
    console = Console()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="fleet-verify-") as folder:
        for claim in claims(outputs, layout, Path(folder)):
            wrong += not claim.holds
            mark, style = ("ok", "green") if claim.holds else ("WRONG", "red")
            console.print(f"{mark:5} {claim.text}: {claim.evidence}", style=style, markup=False, highlight=False)
    raise typer.Exit(1 if wrong else 0)


def claims(outputs: Mapping[str, Any], layout: Layout, folder: Path) -> Iterator[Claim]:
    """The claims about every layer that the stack has. `folder` takes kubeconfigs and is the caller's.

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
    if outputs.get("karmadaKubeconfig"):
        kubeconfig = kept(folder / "karmada.kubeconfig", outputs["karmadaKubeconfig"])
        yield from karmada.claims(Client(kubeconfig=kubeconfig, layout=layout), found, folder)
    if outputs.get("eastWestGateways"):
        yield from mesh.claims(found)


def _outputs(layout: Layout, options: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "sandbox", "pulumi", *options]
    done = subprocess.run(  # noqa: S603  # no shell, and the arguments are the user's own
        [*command, "--", "stack", "output", "--json", "--show-secrets"],
        cwd=CHECKOUT,
        env=client_environment(layout),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    except json.JSONDecodeError:
        found = {}
    if "clusters" not in found:
        raise NoFleetError(
            what="There is nothing to verify",
            why=done.stderr.strip().splitlines()[-1] if done.returncode else "the stack has no clusters yet",
            remedy="Run `make up` first",
        )
    return found
