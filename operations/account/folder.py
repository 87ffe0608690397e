"""What is kept of one check until it is over: state, passphrase, config, and what is known of its things.

    fleet-check-1a2b3c/
      backend/      Pulumi's state, by a `file://` backend
      passphrase    what secrets in the state are encrypted with; mode 0600, as check.json
      check.json    the tag, and what was noted
      project/      links to the checkout, and the stack's config, which Pulumi writes to
      pulumi.log    what Pulumi said where something failed

The folder opens every cluster of the check, so nobody else may read it. It goes when nothing is left of the check.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from operations.account.leftovers import Noted
from operations.errors import OperationError
from operations.files import write_private

STACK: Final = "check"
CHECKOUT: Final = Path(__file__).resolve().parents[2]
OWN_CONFIG: Final = Path(__file__).with_name("check.yaml")
"""The config of a check whose user names none."""
_NOTED: Final = "check.json"
_SECRETS: Final = frozenset({"encryptionsalt", "secretsprovider", "encryptedkey"})


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The folder of one check."""

    path: Path

    @property
    def project(self) -> Path:
        """The project that Pulumi runs."""
        return self.path / "project"

    @property
    def backend(self) -> str:
        """The state's address, as PULUMI_BACKEND_URL takes it."""
        return (self.path / "backend").as_uri()

    @property
    def passphrase(self) -> str:
        """What the state's secrets are encrypted with."""
        return (self.path / "passphrase").read_text(encoding="utf-8")

    @property
    def log(self) -> Path:
        """What Pulumi said where something failed."""
        return self.path / "pulumi.log"

    @property
    def noted(self) -> Noted:
        """What is known of the check's things."""
        found = json.loads((self.path / _NOTED).read_text(encoding="utf-8"))
        tag = found.pop("tag")
        return Noted(tag=tag, **{name: frozenset(values) for name, values in found.items()})

    def keep(self, noted: Noted) -> None:
        """Write what is known, whole."""
        found = {name: value if isinstance(value, str) else sorted(value) for name, value in asdict(noted).items()}
        write_private(self.path / _NOTED, json.dumps(found))

    def remove(self) -> None:
        """Take it away with all that it has."""
        shutil.rmtree(self.path)


def make(config: Path, *, parent: Path | None = None) -> Folder:
    """A new folder for a check with a stack config, which is copied.

    Raises:
        OperationError: the config cannot be used for a check, or the folder not be written.

    """
    text = _usable(config)
    tag = f"fleet-check-{secrets.token_hex(3)}"
    folder = Folder(path=(parent or default_parent()).resolve() / tag)
    try:
        for made in (folder.path, folder.path / "backend", folder.project):
            made.mkdir(mode=0o700, parents=True)
        link_program(CHECKOUT, folder.project)
        (folder.project / f"Pulumi.{STACK}.yaml").write_text(text, encoding="utf-8")
        write_private(folder.path / "passphrase", secrets.token_urlsafe(32))
        folder.keep(Noted(tag=tag))
    except OSError as error:
        raise OperationError(
            what=f"Cannot make {folder.path}", why=error.strerror or str(error), remedy="Set XDG_STATE_HOME to a folder"
        ) from error
    return folder


def link_program(checkout: Path, project: Path) -> None:
    """Put links to all of a checkout into a folder, but to no stack's config.

    Pulumi writes the salt of a stack's secrets beside Pulumi.yaml, and the checkout is only read. All that there
    is, since another commit's program may consist of other folders than today's.
    """
    for path in checkout.iterdir():
        if path.name != ".git" and (path.name == "Pulumi.yaml" or not path.match("Pulumi.*.yaml")):
            (project / path.name).symlink_to(path)


def opened(path: Path) -> Folder:
    """The folder of an earlier check. Raises OperationError where it is none."""
    folder = Folder(path=path.expanduser().resolve())
    try:
        _ = folder.noted, folder.passphrase
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise OperationError(
            what=f"{folder.path} is no folder of a check",
            why=f"it has no whole {_NOTED} or no passphrase",
            remedy="Name the folder that the check told",
        ) from error
    return folder


def default_parent() -> Path:
    """`$XDG_STATE_HOME/fleet/checks`, or the same in `~/.local/state` (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state"
    return home / "fleet" / "checks"


def _usable(config: Path) -> str:
    what = f"{config} cannot be the config of a check"
    try:
        text = config.read_text(encoding="utf-8")
        document: Any = yaml.safe_load(text)
        clusters = (document["config"]["fleet:clusters"]).values()
        protected = any(cluster.get("protect") for cluster in clusters)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise OperationError(
            what=what, why=f"it has no fleet:clusters ({type(error).__name__})", remedy="Name a stack's config"
        ) from error
    if _SECRETS & document.keys():
        raise OperationError(
            what=what,
            why="it holds secrets of a stack, which the check's passphrase does not open",
            remedy="Name a config without them",
        )
    if protected:
        raise OperationError(
            what=what, why="a cluster in it is protected from deletion", remedy="Take protect out of a copy of it"
        )
    return text
