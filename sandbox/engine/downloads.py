"""Official plugins from Pulumi's download site: whether it answers, and `pulumi plugin install`.

They are fetched by this process and not by the engine, which may run where nothing can be reached, and into the folder
of the user's own plugins, where the next sandbox and the user's other programs find them.
"""

from __future__ import annotations

import platform
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from sandbox.engine.plugins import PROVIDERS
from sandbox.errors import SandboxError
from sandbox.toolchain.process import Command, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sandbox.plugins import Plugin

_DOWNLOADS: Final = "https://get.pulumi.com/releases/plugins"
_PROBE_SECONDS: Final = 2.0
_RETRIED: Final = "warning: Error downloading plugin: "
_FAILED: Final = "error: "


class DownloadError(SandboxError):
    """An official plugin cannot be fetched."""


def download_site_answers() -> bool:
    """Whether Pulumi's download site answers, and does so quickly. Respects the user's proxy settings."""
    answers: list[bool] = []
    # A thread, since no timeout bounds the time that looking up a name takes.
    probe = threading.Thread(target=lambda: answers.append(_head(_archive(PROVIDERS[0]))), daemon=True)
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


def fetch(
    plugins: Sequence[Plugin],
    pulumi: Path,
    *,
    folder: Path,
    environment: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Have the CLI install plugins into the PULUMI_HOME of an environment. Raises DownloadError at the first failure.

    `folder` is that of a project which asks for no packages of its own.
    """
    for plugin in plugins:
        # The very version, as the engine wants it: by default the CLI is content with a later one.
        command = ["plugin", "install", plugin.kind, plugin.name, plugin.version, "--exact"]
        say(f"fetching the official plugin {plugin.name} {plugin.version}")
        line = [str(pulumi), *command, "--non-interactive", "--color=never"]
        finished = run(Command(arguments=line, environment=environment, folder=folder))
        if finished.exit_code != 0:
            raise DownloadError(
                what=f"The official plugin {plugin.name} {plugin.version} cannot be fetched",
                why=_reason(finished.stderr) or f"exit code {finished.exit_code}",
                remedy=f"Let this machine reach the site (HTTPS_PROXY, PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES), or "
                f"install it with `pulumi {' '.join(command)} --file ARCHIVE`, or choose PLUGINS=offline",
            )


def _reason(said: str) -> str:
    """Why a download failed: the error itself says no more than how often it was tried."""
    lines = said.splitlines()
    for mark in (_RETRIED, _FAILED):
        if found := [line.removeprefix(mark) for line in lines if line.startswith(mark)]:
            return found[-1].strip().rstrip(".")
    return said.strip()
