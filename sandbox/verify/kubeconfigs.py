"""The kubeconfigs in a stack's outputs, as files: each with a context that is called as the cluster is.

Operators' lie in a folder of the caller's and viewers' in one below it: whoever takes all of a folder has one kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from fleet.naming import KARMADA
from sandbox.files import write_whole
from sandbox.privileges import give

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VIEWERS: Final = "viewers"
"""The folder with viewers' kubeconfigs."""
_SUFFIX: Final = ".kubeconfig"


def keep_all(outputs: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Write every operator's kubeconfig of a stack, with secrets in the clear. The files by name, Karmada's first.

    Raises:
        OSError: the folder cannot be written.

    """
    karmada = {KARMADA: outputs["karmadaKubeconfig"]} if outputs.get("karmadaKubeconfig") else {}
    return _keep(karmada | outputs["kubeconfigs"], folder)


def keep_views(outputs: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Write every viewer's kubeconfig of a stack, as `keep_all` does operators'. Raises OSError."""
    return _keep(outputs["viewKubeconfigs"], folder / VIEWERS)


def _keep(contents: Mapping[str, str], folder: Path) -> dict[str, Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    give(folder)
    return {name: keep(folder / f"{name}{_SUFFIX}", named(content, name)) for name, content in contents.items()}


def keep(file: Path, content: str) -> Path:
    """Write a kubeconfig that nobody else may read, whole. Raises OSError."""
    write_whole(file, content, mode=0o600)
    give(file)
    return file


def named(kubeconfig: str, name: str) -> str:
    """The same kubeconfig with its context, cluster and user called `name`, as `kubectl --context NAME` takes them.

    Linode calls them by its own number of the cluster (lke123-ctx), which nobody knows by heart.
    """
    document = yaml.safe_load(kubeconfig)
    for kind in ("clusters", "users", "contexts"):
        [only] = document[kind]
        only["name"] = name
    [context] = document["contexts"]
    context["context"] |= {"cluster": name, "user": name}
    return yaml.safe_dump(document | {"current-context": name}, sort_keys=False)
