"""The folder where the engine keeps what belongs to one checkout: state, passphrase, config copies, plugins.

- `backend/`: the stacks' state, a `file://` backend.
- `passphrase`: what secrets in the state are encrypted with; made once, readable by its owner only.
- `project/`: Pulumi.yaml and a copy of each used stack's config, with the salt that Pulumi adds to it. The CLI
  changes this copy where it would have changed the checked-in file.
- `home/`: a PULUMI_HOME with the plugins that the CLI is given, for each choice of them.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from filelock import FileLock

from sandbox.engine import documents
from sandbox.errors import SandboxError
from sandbox.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.engine.project import Project
    from sandbox.plugins import Plugin

_SALT: Final = "encryptionsalt"
_OWN_SECRETS: Final = frozenset({_SALT, "secretsprovider", "encryptedkey"})
PASSPHRASE_VARIABLES: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


class PassphraseError(SandboxError):
    """A stack's config holds secrets of the user's, and their passphrase is not given."""


def default_state_folder(project: Project) -> Path:
    """`$XDG_STATE_HOME/fleet/NAME-HASH`, or the same in `~/.local/state` (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state"
    place = project.folder.resolve()
    return home / "fleet" / f"{place.name}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:8]}"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A state folder and the project that it belongs to."""

    project: Project
    folder: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the stacks' config that only this place knows, such as where it keeps charts."""

    @property
    def backend(self) -> str:
        """The state's address, as PULUMI_BACKEND_URL takes it."""
        return (self.folder / "backend").resolve().as_uri()

    @property
    def shadow(self) -> Path:
        """A project of the same name, for commands that manage stacks but run no program."""
        return self.folder / "project"

    def home(self, plugins: Iterable[Plugin]) -> Path:
        """The PULUMI_HOME for a choice of plugins.

        One for each set of versions: the CLI takes the highest version that it finds of a plugin that nothing names a
        version for, so that one of an earlier set would go on being used after a downgrade.
        """
        names = sorted(str(plugin.path(Path())) for plugin in plugins)
        return self.folder / "home" / hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]

    def config_file(self, stack: str) -> Path:
        """The copy of a stack's config."""
        return self.shadow / f"Pulumi.{stack}.yaml"

    def prepare(self, stack: str) -> None:
        """Make the folders, the passphrase and a fresh copy of the stack's config.

        Raises ProjectError for a stack without config, and OSError where the folder cannot be written.
        """
        settings = self.project.stack_settings(stack)
        for folder in (self.folder, self.folder / "backend", self.shadow):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.lock():
            self._copy(stack, settings)

    def lock(self) -> FileLock:
        """What to hold while the copies are written, by us or by Pulumi, which adds the salt when it makes a stack."""
        return FileLock(self.folder / "lock")

    def _copy(self, stack: str, settings: dict[str, Any]) -> None:
        project = {"name": self.project.name, "runtime": self.project.settings["runtime"]}
        write_whole(self.shadow / "Pulumi.yaml", yaml.safe_dump(project, sort_keys=False), mode=0o600)
        # The salt from an earlier run stays, since the state's secrets were encrypted with it.
        copy = self.config_file(stack)
        earlier = documents.content(copy.read_text(encoding="utf-8")) if copy.exists() else {}
        salt = {_SALT: earlier[_SALT]} if _SALT in earlier and not _OWN_SECRETS & settings.keys() else {}
        below = {"config": self.config} if self.config else {}
        text = documents.with_entries(self.project.stack_text(stack), salt, below=below)
        write_whole(copy, text, mode=0o600)

    def secrets_environment(self, stack: str) -> dict[str, str]:
        """The variables that open the stack's secrets. Raises PassphraseError if only the user can.

        A stack whose checked-in config has a salt or a secrets provider of its own is opened by whatever the user has
        set for it; any other by our passphrase, whatever the user has set for other stacks.
        """
        settings = self.project.stack_settings(stack)
        if "secretsprovider" in settings:
            return {}
        if _SALT in settings:
            if any(name in os.environ for name in PASSPHRASE_VARIABLES):
                return {}
            raise PassphraseError(
                what=f"The secrets in Pulumi.{stack}.yaml cannot be read",
                why="they are encrypted with a passphrase of yours",
                remedy=f"Set {' or '.join(PASSPHRASE_VARIABLES)} and run again",
            )
        return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(self._passphrase_file())}

    def _passphrase_file(self) -> Path:
        file = self.folder / "passphrase"
        if not file.exists():
            with self.lock():
                if not file.exists():  # Another process may have been quicker: its passphrase counts.
                    write_whole(file, secrets.token_urlsafe(32), mode=0o600)
        return file
