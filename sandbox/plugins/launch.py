"""The entry point of every plugin process: `launch.py KIND-NAME VERSION [the engine's arguments]`.

Starting is on the clock: an update may start eight of these on two cores. So the messages of Pulumi's
protocol are imported without the rest of the Pulumi SDK, which would cost each process half a second and
25 MB, and each provider imports its client libraries only when it needs them.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path


def main() -> None:
    """Serve the plugin that the arguments name, as the version they give, until the engine ends it."""
    # Isolated as it is, Python does not read it by itself; root's byte code has no place in a user's checkout.
    sys.pycache_prefix = os.environ.get("PYTHONPYCACHEPREFIX") or None
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    _import_only_messages()
    plugin, version, *arguments = sys.argv[1:]
    kind, name = plugin.split("-", 1)
    module = "sandbox.plugins.language" if kind == "language" else f"sandbox.plugins.{name}"
    importlib.import_module(module).serve(version, arguments)


def _import_only_messages() -> None:
    """Put empty packages in place of `pulumi` and `pulumi.runtime`, whose imports would pull in the SDK.

    Only this process is concerned: it runs a plugin and no Pulumi program.
    """
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the Python package pulumi is not installed; run: make setup")
    root = Path(spec.submodule_search_locations[0])
    for name, folder in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


if __name__ == "__main__":
    main()
