"""Lays the charts of Karmada and Istio out as `fleet:charts` takes a folder: one folder a chart, by its name."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.toolchain.sources import module_folder

_COMMON: Final = Path(__file__).parent / "common"


@dataclass(frozen=True, kw_only=True)
class Source:
    """The charts of one project: its toolchain module, its Go module, and where in that each chart is."""

    module: str
    path: str
    charts: dict[str, str]


SOURCES: Final = {
    "karmada": Source(module="kubernetes", path="github.com/karmada-io/karmada", charts={"karmada": "charts/karmada"}),
    "istio": Source(
        module="istio",
        path="istio.io/istio",
        charts={
            "base": "manifests/charts/base",
            # In Istio's repository of charts this one is called istiod, as in its Chart.yaml.
            "istiod": "manifests/charts/istio-control/istio-discovery",
            "gateway": "manifests/charts/gateway",
        },
    ),
}


def stage(target: Path) -> None:
    """Put every chart into TARGET/PROJECT/CHART, whole or not at all, in place of what was there.

    Raises:
        ModuleUnavailableError: a Go module cannot be fetched.
        OSError: the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        made = Path(scratch, "made")
        for project, source in SOURCES.items():
            folder = module_folder(source.module, source.path)
            for chart, path in source.charts.items():
                _copy(folder / path, made / project / chart)
        # Karmada's chart takes two helpers of a library chart that only a chart repository has.
        _copy(_COMMON, made / "karmada" / "karmada" / "charts" / "common")
        if target.exists():
            target.rename(Path(scratch, "old"))
        made.rename(target)


def _copy(source: Path, target: Path) -> None:
    """Copy a folder's files; modes are our own, since Go keeps modules read-only."""
    for file in source.rglob("*"):
        if file.is_file():
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
