"""The executables that the Pulumi CLI looks for, written where it looks for them.

The CLI takes a plugin from PULUMI_HOME/plugins/KIND-NAME-vVERSION without a word, while it warns of each
one on PATH (GetPluginPath in sdk/go/common/workspace/plugins.go of github.com/pulumi/pulumi). The version
has to be the very one that the program's SDK package asks for.
"""

from __future__ import annotations

import importlib.metadata
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

_LAUNCH: Final = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plugin that can be given to the CLI: its kind and name for Pulumi, and the SDK package that it serves."""

    kind: str
    name: str
    package: str
    tool: str | None = None
    """The tool that is the official one (sandbox/toolchain/tools.py); where there is none, a stand-in serves."""
    earlier: tuple[str, ...] = ()
    """Versions that Fleet asked for before, and that it serves too: the states of running fleets record them."""

    @property
    def executable(self) -> str:
        """The file name that the CLI looks for."""
        return f"pulumi-{self.kind}-{self.name}"

    @property
    def version(self) -> str:
        """The version that the installed SDK package asks for: its own."""
        return importlib.metadata.version(self.package)

    def path(self, home: Path, version: str = "") -> Path:
        """Where the executable is in a PULUMI_HOME."""
        return home / "plugins" / f"{self.kind}-{self.name}-v{version or self.version}" / self.executable

    def is_in(self, home: Path, version: str = "") -> bool:
        """Whether a PULUMI_HOME has it, and whole (GetPluginsFromDir in the file above)."""
        file = self.path(home, version)
        return file.is_file() and not file.parent.with_name(f"{file.parent.name}.partial").exists()


PLUGINS: Final = (
    Plugin(kind="language", name="python", package="pulumi"),
    Plugin(
        kind="resource",
        name="kubernetes",
        package="pulumi-kubernetes",
        tool="pulumi-resource-kubernetes",
        earlier=("4.34.2",),
    ),
    Plugin(kind="resource", name="linode", package="pulumi-linode"),
    Plugin(kind="resource", name="random", package="pulumi-random"),
    Plugin(kind="resource", name="tls", package="pulumi-tls"),
)


def install(home: Path, plugins: Iterable[Plugin] = PLUGINS) -> None:
    """Write the executables of plugins, of all if none is named, into a PULUMI_HOME, for use with this checkout.

    Safe to repeat, and safe beside a CLI that uses them: each file appears whole or not at all. Raises
    OSError where the folder cannot be written, and a ToolchainError where an official one cannot be built.
    """
    for plugin in plugins:
        if plugin.tool is None:
            _place(plugin.path(home), _launcher(plugin))
        else:
            # Here, since every stand-in's process imports this module and none the toolchain.
            from sandbox.toolchain import tool_path

            for version in (plugin.version, *plugin.earlier):
                _link(plugin.path(home, version), tool_path(plugin.tool))


def link(home: Path, plugins: Iterable[Plugin], *, installed: Path) -> None:
    """Show a PULUMI_HOME what another one has of plugins, in the versions that Fleet asks for or asked for before.

    Raises OSError where the folder cannot be written.
    """
    for plugin in plugins:
        for version in (plugin.version, *plugin.earlier):
            if not plugin.is_in(installed, version):
                continue
            place = plugin.path(home, version).parent
            # File by file, since the CLI passes over a folder that is a link.
            for file in plugin.path(installed, version).parent.iterdir():
                _link(place / file.name, file)


def _launcher(plugin: Plugin) -> str:
    # Isolated (-I), so that neither the project's folder nor PYTHONPATH can replace a module of ours. A
    # shell's `exec` and no #! line of Python, which fails on long paths and on spaces.
    command = shlex.join([sys.executable, "-I", str(_LAUNCH), f"{plugin.kind}-{plugin.name}", plugin.version])
    return f'#!/bin/sh\nexec {command} "$@"\n'


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() and path.readlink() == target:
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        temporary.symlink_to(target)
        temporary.replace(path)


def _place(path: Path, executable: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != executable:
        write_whole(path, executable, mode=0o755)
