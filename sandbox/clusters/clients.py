"""Clients inside a sandbox: how a process gets into its network, and finds its account and clusters there."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sandbox import privileges
from sandbox.clusters.host import preflight
from sandbox.clusters.host.layout import Layout, namespace_path
from sandbox.clusters.network.plan import CLOUD, LINODE_API
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

_CLONE_NEWNET: Final = 0x40000000
Name = Annotated[str, typer.Option("--name", help="Which sandbox, where there are several.")]


class NotUpError(SandboxError):
    """The sandbox is not there."""


def enter_network(layout: Layout) -> None:
    """Move this process into the sandbox's network. Raises NotUpError if there is no such sandbox."""
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
    open_to_invoker(layout)


def open_to_invoker(layout: Layout) -> None:
    """Let whoever asked for root reach what their own processes need; all else in it stays root's."""
    if layout.root.exists():
        privileges.give(layout.root)
    for folder in (layout.charts, layout.programs, layout.stacks, layout.kubeconfigs):
        privileges.hand_over(folder)


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
