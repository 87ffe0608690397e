"""`python -m operations karmada`."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from operations.errors import OperationError
from operations.karmada import etcd, manager
from operations.karmada import restore as restoring
from operations.karmada.apis import Karmada, Manager
from operations.karmada.archive import Archive
from operations.state import access

app = typer.Typer(help="Back up and restore what users have submitted to Karmada.", no_args_is_help=True)

Fleet = Annotated[str, typer.Option(help="Stack whose snapshots to use.")]
Kubeconfig = Annotated[Path, typer.Option(help="The manager's kubeconfig.")]
Snapshot = Annotated[str | None, typer.Option(help="Snapshot to use; the newest by default.")]
Key = Annotated[Path, typer.Option("--key", help="The file that `state bootstrap` wrote for the bucket.")]


@app.command()
def backup(
    fleet: Fleet,
    key: Key,
    kubeconfig: Kubeconfig,
    keep: Annotated[int, typer.Option(min=1, help="How many snapshots stay.")] = 30,
) -> None:
    """Save a snapshot of Karmada's etcd in the bucket."""
    archive = Archive(_access(key), fleet)
    with tempfile.TemporaryDirectory(prefix="fleet-snapshot-") as folder:  # mode 0700: a snapshot holds secrets
        file = Path(folder) / "snapshot.db"
        with manager.etcd_endpoint(kubeconfig) as endpoint:
            etcd.save(endpoint, file)
        status = etcd.status(file)
        made = archive.add(file, status)
    typer.echo(f"{made.name}: {status.keys} keys at revision {status.revision}, {made.size} bytes")
    for gone in archive.prune(keep):
        typer.echo(f"{gone.name}: removed, as the newest {keep} stay", err=True)


@app.command()
def snapshots(fleet: Fleet, key: Key) -> None:
    """List the snapshots, oldest first."""
    for snapshot in Archive(_access(key), fleet).all():
        typer.echo(f"{snapshot.name}  {snapshot.size}")


@app.command()
def fetch(
    fleet: Fleet,
    key: Key,
    to: Annotated[Path, typer.Option(help="New folder to write to, with a data folder for each member in it.")],
    snapshot: Snapshot = None,
    members: Annotated[int, typer.Option(min=1, help="How many members the etcd has; Fleet's has one.")] = 1,
) -> None:
    """Download a snapshot and make etcd's data from it: a folder for each member, to be its /var/lib/etcd."""
    if to.exists():
        raise OperationError(what=f"Cannot make {to}", why="it is there already", remedy="Name a new folder with --to")
    to.mkdir(mode=0o700, parents=True)
    _fetch(Archive(_access(key), fleet), snapshot, to, members)


@app.command()
def restore(
    fleet: Fleet,
    key: Key,
    kubeconfig: Kubeconfig,
    karmada_kubeconfig: Annotated[Path, typer.Option(help="A kubeconfig of Karmada's, for its address alone.")],
    snapshot: Snapshot = None,
    lost: Annotated[list[str] | None, typer.Option(help="A member that is lost, and not waited for.")] = None,
    confirm: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace what Karmada has by a snapshot. Its API is away for a minute; members go on as they are."""
    archive = Archive(_access(key), fleet)
    if not confirm:
        typer.confirm("What Karmada has now will be replaced. Go on?", abort=True)
    with (
        closing(Manager(kubeconfig)) as host,
        closing(Karmada(karmada_kubeconfig, manager.components(host))) as karmada,
        tempfile.TemporaryDirectory(prefix="fleet-snapshot-") as folder,
    ):
        _fetch(archive, snapshot, Path(folder), restoring.members(host))
        restoring.Restore(manager=host, karmada=karmada, lost=lost or ()).run(Path(folder), say=typer.echo)


def _fetch(archive: Archive, name: str | None, to: Path, members: int) -> None:
    file = to / "snapshot.db"
    fetched = archive.fetch(name, file)
    status = etcd.status(file)
    for member in etcd.members(members):
        etcd.restore(file, to / member.name, member)
        typer.echo(f"{member.name}: {status.keys} keys of {fetched.name}")


def _access(file: Path) -> access.Access:
    found = access.read(file.expanduser())
    if found is None:
        raise OperationError(
            what=f"There is no {file}", why="a key to the bucket is needed", remedy="Run `state bootstrap` for one"
        )
    return found
