"""Which plugins the engine is given: the official ones as the CLI finds them, or those of `sandbox.plugins`.

Two things can be missing. The providers (linode, kubernetes, random, tls) are downloaded by the CLI itself, where
Pulumi's download site can be reached; elsewhere stand-ins serve, and for Kubernetes the official provider, which the
toolchain builds. The Python language host comes with the CLI's release archive only: neither a plugin download nor the
Go module that the toolchain builds has it.
"""

from __future__ import annotations

import enum
import os
import platform
import shutil
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox.plugins import PLUGINS, Plugin
from sandbox.privileges import home

if TYPE_CHECKING:
    from collections.abc import Callable

_PROVIDERS: Final = tuple(plugin for plugin in PLUGINS if plugin.kind == "resource")
_LANGUAGES: Final = tuple(plugin for plugin in PLUGINS if plugin.kind == "language")
_DOWNLOADS: Final = "https://get.pulumi.com/releases/plugins"
_PROBE_SECONDS: Final = 2.0


class Mode(enum.Enum):
    """What the user asks for."""

    AUTO = "auto"
    OFFICIAL = "official"
    OFFLINE = "offline"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the engine gets: which plugins are given to it, and why, in words. The CLI finds the others by itself."""

    given: tuple[Plugin, ...]
    why: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the CLI that go with the choice, apart from PULUMI_HOME."""
        # Where every plugin is given, one that is missing shall be an error and not a wait for the network.
        return {} if self._any_downloaded else {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}

    @property
    def _any_downloaded(self) -> bool:
        return not set(_PROVIDERS) <= set(self.given)

    def __str__(self) -> str:
        if not self.given:
            return f"official plugins ({self.why})"
        if self._any_downloaded:
            return f"official providers ({self.why}), stand-in language host (this pulumi has none beside it)"
        if set(_LANGUAGES) <= set(self.given):
            return f"the official Kubernetes provider, stand-ins for the other plugins ({self.why})"
        return (
            f"the official Kubernetes provider, stand-ins for the other providers ({self.why}), official language host"
        )


def choose(mode: Mode, *, pulumi: Path, reachable: Callable[[], bool]) -> Choice:
    """Decide which plugins are used. `reachable` tells whether providers can be downloaded; it may take seconds."""
    # One that comes with the CLI is used whatever is asked for: the CLI prefers it to any other.
    missing_languages = tuple(plugin for plugin in _LANGUAGES if not _comes_with(pulumi, plugin))
    if mode is Mode.OFFLINE:
        return Choice(given=(*missing_languages, *_PROVIDERS), why="asked for")
    if mode is Mode.OFFICIAL:
        return Choice(given=missing_languages, why="asked for")
    if all(_installed(plugin) for plugin in _PROVIDERS) and not missing_languages:
        return Choice(given=(), why="installed")
    if reachable():
        return Choice(given=missing_languages, why="the download site answers")
    why = "neither installed nor to be downloaded here"
    return Choice(given=(*missing_languages, *_PROVIDERS), why=why)


def download_site_answers() -> bool:
    """Whether Pulumi's download site answers, and does so quickly. Respects the user's proxy settings."""
    answers: list[bool] = []
    # A thread, since no timeout bounds the time that looking up a name takes.
    probe = threading.Thread(target=lambda: answers.append(_head(_archive(_PROVIDERS[0]))), daemon=True)
    probe.start()
    probe.join(_PROBE_SECONDS)
    return any(answers)


def _head(address: str) -> bool:
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - the address is ours, and https
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_SECONDS):  # noqa: S310 - as above
            return True
    except (urllib.error.URLError, OSError):
        return False


def _archive(plugin: Plugin) -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{_DOWNLOADS}/{plugin.executable}-v{plugin.version}-{platform.system().lower()}-{machine}.tar.gz"


def _comes_with(pulumi: Path, plugin: Plugin) -> bool:
    """Whether the CLI finds an official language host, as it looks for it: on PATH, or beside itself."""
    return shutil.which(plugin.executable) is not None or (pulumi.resolve().parent / plugin.executable).is_file()


def _installed(plugin: Plugin) -> bool:
    place = Path(os.environ.get("PULUMI_HOME") or home() / ".pulumi")
    return plugin.path(place).is_file() or shutil.which(plugin.executable) is not None
