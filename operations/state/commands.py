"""`python -m operations state`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path  # noqa: TC003 - Typer reads the annotations at run time
from typing import Annotated

import typer

from operations.state import access, linode
from operations.state.bootstrap import Request, bootstrap
from operations.state.linode import Place

app = typer.Typer(help="Where Pulumi keeps the fleet's state.", no_args_is_help=True)

Bucket = Annotated[str, typer.Option(help="The bucket's name.")]


@app.command("bootstrap")
def _bootstrap(
    bucket: Bucket,
    region: Annotated[str, typer.Option(help="A region with Object Storage: us-ord, for one.")],
    file: Annotated[
        Path | None, typer.Option(help="Where the key is written; by default ~/.config/fleet/state-BUCKET.env.")
    ] = None,
    keep_days: Annotated[int, typer.Option(min=1, help="Days that replaced and deleted state can be had back.")] = 90,
    endpoint: Annotated[
        str | None, typer.Option(help="An S3 address to use instead of the region's own, with its scheme.")
    ] = None,
) -> None:
    """Make a versioned bucket for state, and a key to it, with LINODE_TOKEN. Running it again mends what is missing."""
    client = linode.account(os.environ.get("LINODE_TOKEN", ""), os.environ.get("LINODE_URL"))
    request = Request(
        place=Place(bucket=bucket, region=region, endpoint=endpoint.rstrip("/") if endpoint else None),
        file=(file or access.default_file(bucket)).expanduser().absolute(),
        keep_days=keep_days,
    )
    try:
        made = bootstrap(client, request, say=lambda line: typer.echo(line, err=True))
    finally:
        client.session.close()
    typer.echo(f"PULUMI_BACKEND_URL={shlex.quote(made.backend_url)}")
    typer.echo(
        f"\nTo use it in this shell, the key included:\n  set -a; . {shlex.quote(str(request.file))}; set +a\n"
        "  pulumi stack ls",
        err=True,
    )
