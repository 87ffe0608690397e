"""The stand-in for Pulumi's Python language host: it runs the user's program, in the user's environment.

The program is a process of its own, under the interpreter that Pulumi.yaml names, as with the official
host: then its output, its traceback and its end at Ctrl-C are its own, and no module of ours can get in its
way. docs/decisions/0022 tells more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def serve(version: str, arguments: Sequence[str]) -> None:
    """Run the plugin until the engine ends it."""
    from sandbox.plugins.language.host import serve as serve_host

    serve_host(version, arguments)
