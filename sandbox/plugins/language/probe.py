"""Tells what a Python environment holds; executed by its interpreter, so it imports nothing of ours.

Prints JSON: `plugins`, the pulumi-plugin.json files of installed packages, and `packages`, all installed
distributions with whether another one requires them.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from pathlib import Path


def plugins() -> list[dict[str, object]]:
    """What each installed SDK package says about the plugin that it needs."""
    return [
        json.loads(file.read_text(encoding="utf-8"))
        for entry in sys.path
        for file in sorted(Path(entry).glob("*/pulumi-plugin.json"))
    ]


def packages() -> list[dict[str, object]]:
    """Name, version and whether something requires it, of each installed distribution."""
    found = {_normal(one.metadata["Name"]): one for one in importlib.metadata.distributions()}
    required = {_normal(match.group()) for one in found.values() for match in map(_name, one.requires or ()) if match}
    return [
        {"name": one.metadata["Name"], "version": one.version, "required": name in required}
        for name, one in sorted(found.items())
    ]


def _name(requirement: str) -> re.Match[str] | None:
    return re.match(r"[A-Za-z0-9._-]+", requirement)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    json.dump({"plugins": plugins(), "packages": packages()}, sys.stdout)
