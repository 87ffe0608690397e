"""etcd's own tool: what is in a snapshot, and the data of a new cluster made from it.

etcdutl comes with every release of etcd (https://github.com/etcd-io/etcd/releases); it is taken from PATH.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations at run time
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field

from fleet.naming import KARMADA_NAMESPACE
from operations.errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS: Final = 600
REVISION_BUMP: Final = 1_000_000_000
"""How far a restored cluster's revision jumps, as etcd's documentation has it for Kubernetes: clients that saw
revisions after the snapshot must never meet the same number with other content
(https://etcd.io/docs/v3.6/op-guide/recovery/#restoring-with-revision-bump)."""


class SnapshotStatus(BaseModel):
    """What `etcdutl snapshot status` says of a file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: int
    keys: int = Field(alias="totalKey")
    size: int = Field(alias="totalSize")
    """In bytes."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of the cluster that a snapshot becomes, by name, and all members' peer URLs by name."""

    name: str
    peers: dict[str, str]


def members(count: int) -> list[Member]:
    """The members of the chart's StatefulSet, which speak plain HTTP to each other (charts/karmada, etcd.yaml)."""
    names = [f"etcd-{index}" for index in range(count)]
    peers = {name: f"http://{name}.etcd.{KARMADA_NAMESPACE}.svc.cluster.local:2380" for name in names}
    return [Member(name=name, peers=peers) for name in names]


def status(file: Path) -> SnapshotStatus:
    """What is in a snapshot; a file that is damaged is refused. Raises OperationError."""
    printed = _run(
        [_tool("etcdutl"), "snapshot", "status", str(file), "--write-out=json"], what=f"{file} is no whole snapshot"
    )
    return SnapshotStatus.model_validate_json(printed)


def restore(file: Path, folder: Path, member: Member) -> None:
    """Make the data folder of a member of a new cluster. Raises OperationError; the folder must not exist."""
    _run(
        [
            _tool("etcdutl"),
            "snapshot",
            "restore",
            str(file),
            f"--data-dir={folder}",
            f"--name={member.name}",
            f"--initial-cluster={','.join(f'{name}={url}' for name, url in sorted(member.peers.items()))}",
            f"--initial-advertise-peer-urls={member.peers[member.name]}",
            f"--bump-revision={REVISION_BUMP}",
            "--mark-compacted",
        ],
        what=f"Cannot make {folder} from {file}",
    )


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise OperationError(
            what=f"{name} is missing",
            why="it is not on the PATH",
            remedy="Install the release of etcd that Karmada runs, from github.com/etcd-io/etcd/releases",
        )
    return found


def _run(command: Sequence[str], *, what: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, read by no shell
            command, capture_output=True, text=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise OperationError(what=what, why=f"no end after {_SECONDS} s", remedy="Run again") from error
    if done.returncode != 0:
        raise OperationError(what=what, why=_last_error(done.stderr), remedy="Mend that and run again")
    return done.stdout


def _last_error(stderr: str) -> str:
    """The tools log in JSON, one object a line, and end with a plain sentence."""
    lines = [line for line in stderr.strip().splitlines() if line]
    if not lines:
        return "it says nothing"
    try:
        return str(json.loads(lines[-1]).get("error", lines[-1]))
    except ValueError:
        return lines[-1].removeprefix("Error: ").rstrip(".")
