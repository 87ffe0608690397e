"""`python -m operations karmada`."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from operations.errors import OperationError
from operations.karmada import etcd, making, manager, seal
from operations.karmada import restore as restoring
from operations.karmada.apis import Karmada, Manager
from operations.karmada.archive import Archive, Fetched
from operations.state import access, linode
from operations.state.linode import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(help="Back up and restore what users have submitted to Karmada.", no_args_is_help=True)

Fleet = Annotated[str, typer.Option(help="Stack whose backups to use.")]
Bucket = Annotated[str, typer.Option(help="The bucket: `backups` in the stack's outputs has it.")]
Region = Annotated[str, typer.Option(help="The bucket's region.")]
Endpoint = Annotated[
    str | None, typer.Option(help="An S3 address to use instead of the region's own, with its scheme.")
]
Kubeconfig = Annotated[Path, typer.Option(help="The manager's kubeconfig.")]
Identity = Annotated[
    str, typer.Option(help="The file with the private key that age-keygen made; - reads it from standard input.")
]
Chosen = Annotated[str | None, typer.Option("--backup", help="Backup to use; the newest by default.")]


@app.command()
def backup(kubeconfig: Kubeconfig) -> None:
    """Have the manager make a backup now, as its schedule does."""
    with closing(Manager(kubeconfig)) as host:
        typer.echo(making.make(host))


@app.command()
def backups(fleet: Fleet, bucket: Bucket, region: Region, endpoint: Endpoint = None) -> None:
    """List the backups with their sizes, oldest first, with LINODE_TOKEN."""
    with _archive(fleet, bucket, region, endpoint) as archive:
        for found in archive.all():
            typer.echo(f"{found.name}  {found.size}")


@app.command()
def fetch(
    fleet: Fleet,
    bucket: Bucket,
    region: Region,
    identity: Identity,
    to: Annotated[Path, typer.Option(help="New folder to write to, with a data folder for each member in it.")],
    endpoint: Endpoint = None,
    chosen: Chosen = None,
    members: Annotated[int, typer.Option(min=1, help="How many members the etcd has; Fleet's has one.")] = 1,
) -> None:
    """Open a backup and make etcd's data of it, with LINODE_TOKEN: a folder for each member, its /var/lib/etcd."""
    if to.exists():
        raise OperationError(what=f"Cannot make {to}", why="it is there already", remedy="Name a new folder with --to")
    to.mkdir(mode=0o700, parents=True)
    with _archive(fleet, bucket, region, endpoint) as archive:
        fetched = _open(archive, chosen, identity, to)
    _make_data(fetched, to, members)


@app.command()
def restore(
    fleet: Fleet,
    bucket: Bucket,
    region: Region,
    identity: Identity,
    kubeconfig: Kubeconfig,
    karmada_kubeconfig: Annotated[Path, typer.Option(help="A kubeconfig of Karmada's, for its address alone.")],
    endpoint: Endpoint = None,
    chosen: Chosen = None,
    lost: Annotated[list[str] | None, typer.Option(help="A member that is lost, and not waited for.")] = None,
    confirm: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace what Karmada has by a backup, with LINODE_TOKEN. Its API is away for a minute; members go on as they are.

    Nothing is touched before the backup is opened, whole, and of keys that Karmada has.
    """
    with (
        closing(Manager(kubeconfig)) as host,
        closing(Karmada(karmada_kubeconfig, manager.components(host))) as karmada,
        tempfile.TemporaryDirectory(prefix="fleet-backup-") as name,  # mode 0700: what is in it holds secrets
    ):
        folder = Path(name)
        with _archive(fleet, bucket, region, endpoint) as archive:
            fetched = _open(archive, chosen, identity, folder)
        manager.require_keys(host, fetched.keys, fetched.backup.name)
        _make_data(fetched, folder, restoring.members(host))
        if not confirm:
            typer.confirm(f"What Karmada has now will be replaced by {fetched.backup.name}. Go on?", abort=True)
        authority = manager.authority(host)
        restoring.Restore(manager=host, karmada=karmada, authority=authority, lost=lost or ()).run(
            folder, say=typer.echo
        )


@contextmanager
def _archive(fleet: str, bucket: str, region: str, endpoint: str | None) -> Iterator[Archive]:
    """The backups, by a key that reads their bucket alone and goes with the block."""
    client = linode.account(os.environ.get("LINODE_TOKEN", ""), os.environ.get("LINODE_URL"))
    try:
        place = Place(bucket=bucket, region=region, endpoint=endpoint.rstrip("/") if endpoint else None)
        address = linode.find_bucket(client, place)
        with linode.reading_key(client, place) as (access_key, secret_key):
            reader = access.Access(bucket=bucket, endpoint=address, access_key=access_key, secret_key=secret_key)
            yield Archive(reader, fleet)
    finally:
        client.session.close()


def _open(archive: Archive, chosen: str | None, identity: str, folder: Path) -> Fetched:
    sealed, snapshot = folder / "backup.age", _snapshot(folder)
    fetched = archive.fetch(chosen, sealed)
    try:
        seal.unseal(sealed, identity, snapshot)
    finally:
        sealed.unlink()
    status = etcd.status(snapshot)
    typer.echo(f"{fetched.backup.name}: {status.keys} keys at revision {status.revision}")
    return fetched


def _make_data(fetched: Fetched, folder: Path, members: int) -> None:
    for member in etcd.members(members):
        etcd.restore(_snapshot(folder), folder / member.name, member)
        typer.echo(f"{member.name}: made from {fetched.backup.name}")


def _snapshot(folder: Path) -> Path:
    return folder / "snapshot.db"
