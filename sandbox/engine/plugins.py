"""Which plugins the engine is given: the official ones, or those of `sandbox.plugins`.

Two things can be missing. The providers (linode, kubernetes, random, tls) are fetched from Pulumi's download site,
where it can be reached (`sandbox.engine.downloads`); elsewhere stand-ins serve, and for Kubernetes the official
provider, which the toolchain builds. The Python language host comes with the CLI's release archive only: neither a
plugin download nor the Go module that the toolchain builds has it.
"""

from __future__ import annotations

import enum
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox.plugins import PLUGINS, Plugin
from sandbox.privileges import home

if TYPE_CHECKING:
    from collections.abc import Callable

PROVIDERS: Final = tuple(plugin for plugin in PLUGINS if plugin.kind == "resource")
_LANGUAGES: Final = tuple(plugin for plugin in PLUGINS if plugin.kind == "language")
WITHOUT_DOWNLOADS: Final = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


class Mode(enum.Enum):
    """What the user asks for."""

    AUTO = "auto"
    OFFICIAL = "official"
    OFFLINE = "offline"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the engine gets: which plugins are given to it, which are fetched before it starts, and why, in words."""

    given: tuple[Plugin, ...]
    why: str
    missing: tuple[Plugin, ...] = ()
    """Official providers that are neither given nor installed."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the CLI that go with the choice, apart from PULUMI_HOME."""
        # Where every plugin is given, one that is missing shall be an error and not a wait for the network.
        return WITHOUT_DOWNLOADS if set(PROVIDERS) <= set(self.given) else {}

    def __str__(self) -> str:
        if not self.given:
            return f"official plugins ({self.why})"
        languages = set(_LANGUAGES) <= set(self.given)
        if any(provider.tool is None for provider in self._given_providers):
            if languages:
                return f"the official Kubernetes provider, stand-ins for the other plugins ({self.why})"
            return (
                f"the official Kubernetes provider, stand-ins for the other providers ({self.why}), "
                "official language host"
            )
        host = "stand-in language host (this pulumi has none beside it)" if languages else "official language host"
        return f"official providers ({self.why}), {host}"

    @property
    def _given_providers(self) -> list[Plugin]:
        return [plugin for plugin in self.given if plugin.kind == "resource"]


def choose(mode: Mode, *, pulumi: Path, reachable: Callable[[], bool]) -> Choice:
    """Decide which plugins are used. `reachable` tells whether providers can be fetched; it may take seconds."""
    # One that comes with the CLI is used whatever is asked for: the CLI prefers it to any other.
    hosts = tuple(plugin for plugin in _LANGUAGES if not _comes_with(pulumi, plugin))
    if mode is Mode.OFFLINE:
        return Choice(given=(*hosts, *PROVIDERS), why="asked for")
    missing = tuple(plugin for plugin in PROVIDERS if not _installed(plugin))
    if not missing:
        return Choice(given=hosts, why="installed")
    if mode is Mode.OFFICIAL:
        return Choice(given=hosts, missing=missing, why="asked for")
    if reachable():
        return Choice(given=hosts, missing=missing, why="the download site answers")
    if all(plugin.tool for plugin in missing):
        return Choice(given=(*hosts, *missing), why="installed or built")
    return Choice(given=(*hosts, *PROVIDERS), why="neither installed nor to be downloaded here")


def user_home() -> Path:
    """Where the user's CLI keeps what it installs."""
    return Path(os.environ.get("PULUMI_HOME") or home() / ".pulumi")


def _comes_with(pulumi: Path, plugin: Plugin) -> bool:
    """Whether the CLI finds an official language host, as it looks for it: on PATH, or beside itself."""
    return shutil.which(plugin.executable) is not None or (pulumi.resolve().parent / plugin.executable).is_file()


def _installed(plugin: Plugin) -> bool:
    """Whether the CLI finds an official provider, as it looks for it: on PATH, or in the folder of its plugins."""
    return shutil.which(plugin.executable) is not None or plugin.is_in(user_home())
