"""`python -m sandbox tools`: what the sandbox is made of, and the care of its cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from sandbox.toolchain.errors import NoGoError
from sandbox.toolchain.resolver import Source, Standing, default_toolchain
from sandbox.toolchain.tools import TOOLS, find_tools

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sandbox.toolchain.kinds import Tool
    from sandbox.toolchain.resolver import Toolchain

# Where there is no terminal, a path must come out whole.
_WIDTH_WITHOUT_TERMINAL = 200


def register(app: typer.Typer) -> None:
    """Add this package's commands to the command line."""
    app.command("tools")(tools)


def tools(
    names: Annotated[list[str] | None, typer.Argument(help="The tools in question; all if none is named.")] = None,
    build: Annotated[bool, typer.Option("--build", help="Build those that are missing.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Hash those that are built; mend the damaged.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove what this checkout does not use.")] = False,
    export: Annotated[Path | None, typer.Option(help="Put what is built into a file, for another machine.")] = None,
    source: Annotated[
        str | None, typer.Option("--import", help="Take from such a file or address what this checkout uses.")
    ] = None,
) -> None:
    """List the tools in use: from where, which version; build, verify, prune, export or import them."""
    toolchain = default_toolchain()
    chosen = find_tools(names or TOOLS)
    console = Console()
    if source is not None:
        console.print(f"imported: {_listed(toolchain.take(source), chosen)}", soft_wrap=True)
    if prune:
        console.print(f"freed {toolchain.prune() / 2**20:.0f} MiB")
    damaged = _damaged(toolchain, chosen) if verify else ()
    for tool in damaged:
        toolchain.discard(tool)
    if build or damaged:
        toolchain.paths(tool.name for tool in (chosen if build else damaged))
    if verify:
        console.print(f"verified: {len(chosen) - len(damaged)} as built, {len(damaged)} damaged and built anew")
    if export is not None:
        manifest = toolchain.export(export, chosen)
        size = sum(tool.size for tool in manifest.tools) / 2**20
        console.print(f"exported: {len(manifest.tools)} tools of {size:.0f} MiB, {export}", soft_wrap=True)
    if not (build or verify or prune or export or source):
        if not console.is_terminal:
            console = Console(width=_WIDTH_WITHOUT_TERMINAL)
        console.print(_table(toolchain, chosen))


def _listed(imported: Collection[str], chosen: Collection[Tool]) -> str:
    """What an archive had, and what it had not."""
    lacking = [tool.name for tool in chosen if tool.name not in imported]
    return f"{len(imported)} tools" + (f"; not in it, or in another version: {', '.join(lacking)}" if lacking else "")


def _damaged(toolchain: Toolchain, chosen: Iterable[Tool]) -> tuple[Tool, ...]:
    return tuple(tool for tool in chosen if not toolchain.verify(tool))


def _table(toolchain: Toolchain, chosen: Iterable[Tool]) -> Table:
    table = Table("tool", "version", "from", "where", box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    try:
        table.add_row("go", toolchain.go.version, "", str(toolchain.go.executable))
    except NoGoError as error:
        table.add_row("go", "none", "", error.why)
    for tool in chosen:
        standing = toolchain.standing(tool)
        table.add_row(standing.name, standing.version, _origin(standing), _shown(standing.path))
    return table


def _origin(standing: Standing) -> str:
    if standing.source is not Source.CACHE or standing.record is None:
        return standing.source.value
    return f"built with Go {standing.record.go} in {standing.record.build_seconds:.0f} s"


def _shown(path: Path | None) -> str:
    if path is None:
        return ""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
