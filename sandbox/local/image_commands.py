"""`python -m sandbox images load|pull|list|remove`: images of the user's own, on every node of a sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from sandbox.clusters.clients import Name  # noqa: TC001 - Typer reads the annotations at run time
from sandbox.clusters.delivery import bring_everywhere, runtimes, take_away_everywhere
from sandbox.clusters.host import preflight
from sandbox.clusters.host.layout import DEFAULT_NAME, Layout
from sandbox.clusters.images.archives import ImageError
from sandbox.clusters.images.library import Library
from sandbox.clusters.images.pulling import pull as pull_image
from sandbox.clusters.images.references import NoReferenceError, full_name
from sandbox.privileges import give
from sandbox.toolchain import tool_path

images = typer.Typer(name="images", help="Images of your own, on every node of a sandbox.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="An OCI layout or what `docker save` wrote, .tar or .tar.gz.")]
Called = Annotated[str | None, typer.Option("--as", help="Its name and tag, if it is to have another one.")]
Wanted = Annotated[str, typer.Argument(help="Name and tag: app:1, or registry.example.com/team/app:1.")]
# Where there is no terminal, a name must come out whole.
_WIDTH_WITHOUT_TERMINAL: Final = 200


def register(app: typer.Typer) -> None:
    """Add this package's commands to the command line."""
    app.add_typer(images)


@images.command("load")
def load(file: File, called: Called = None, name: Name = DEFAULT_NAME) -> None:
    """Put the images of a file on every node that runs, and on every node that will."""
    preflight.check_root()
    _load(Layout(name), file, called=called and _full(called))


@images.command("pull")
def pull(image: Wanted, name: Name = DEFAULT_NAME) -> None:
    """Fetch an image from its registry, with your credentials and proxy, and load it."""
    preflight.check_root()
    wanted, layout = _full(image), Layout(name)
    with Library.of(layout).scratch() as folder:
        # crane is whoever's who asks.
        give(folder)
        pull_image(wanted, folder / "pulled")
        _load(layout, folder / "pulled", called=wanted)


@images.command("list")
def list_images(name: Name = DEFAULT_NAME) -> None:
    """List your images, and how many of the nodes that run have each."""
    preflight.check_root()
    layout = Layout(name)
    there = [runtime.images() for runtime in runtimes(layout, tool_path("ctr"))]
    table = Table("image", "digest", "MiB", "nodes", box=None, pad_edge=False)
    for image in Library.of(layout).images():
        having = sum(found.get(image.name) == image.digest for found in there)
        size = image.archive.stat().st_size / 2**20
        table.add_row(image.name, image.digest[:19], f"{size:.1f}", f"{having} of {len(there)}")
    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)).print(table)


@images.command("remove")
def remove(image: Wanted, name: Name = DEFAULT_NAME) -> None:
    """Remove an image of yours from every node; pods that run keep theirs."""
    preflight.check_root()
    layout = Layout(name)
    library = Library.of(layout)
    kept = library.find(_full(image))
    library.remove(kept)
    nodes = take_away_everywhere(layout, tool_path("ctr"), kept)
    _say(f"{kept.name} is gone from {_running(nodes)}")


def _load(layout: Layout, source: Path, *, called: str | None) -> None:
    change = Library.of(layout).add(source, called=called)
    nodes = bring_everywhere(layout, tool_path("ctr"), change)
    for image in change.added:
        _say(f"{image.name} is on {_counted(nodes)}")
        if image.name.endswith(":latest"):
            # https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting
            _say("its tag is latest: a container with it has to ask for imagePullPolicy IfNotPresent, or it is pulled")


def _full(reference: str) -> str:
    try:
        return full_name(reference)
    except NoReferenceError as error:
        remedy = "Write it as NAME:TAG, like app:1 or registry.example.com/team/app:1"
        raise ImageError(what="No image can be called that", why=str(error), remedy=remedy) from error


def _counted(nodes: int) -> str:
    return f"{_running(nodes)} and on every new one" if nodes else "every new node"


def _running(nodes: int) -> str:
    return "1 node that runs" if nodes == 1 else f"{nodes} nodes that run"


def _say(line: str) -> None:
    Console(stderr=True).print(line, highlight=False, markup=False, soft_wrap=True)
