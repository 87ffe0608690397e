"""What the guardrails take for granted about Karmada's chart, looked at in the chart itself by Helm."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from policies.guardrails.rules.versions import LATEST_BY_DEFAULT, unpinned
from sandbox.charts.staging import stage
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

PARTS = LATEST_BY_DEFAULT["karmada"]


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts") / "charts"
    stage(folder)
    return folder / "karmada" / "karmada"


def moving(chart: Path, values: dict[str, Any]) -> set[str]:
    """The images that the chart would run with these values, and that move."""
    needed = {"agent": {"clusterName": "us", "kubeconfig": {"server": "https://karmada.example"}}}
    rendered = subprocess.run(
        [str(tool_path("helm")), "template", "karmada", str(chart), "--values", "-"],
        input=yaml.safe_dump({**values, "agent": {**needed["agent"], **values.get("agent", {})}}),
        capture_output=True,
        text=True,
        check=True,
    )
    return {image for document in yaml.safe_load_all(rendered.stdout) for image in _images(document) if unpinned(image)}


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(image := value.get("image"), str):
            yield image
        for below in value.values():
            yield from _images(below)
    elif isinstance(value, list):
        for below in value:
            yield from _images(below)


@pytest.mark.parametrize("mode", PARTS)
def test_the_parts_with_latest_by_default_are_those_of_the_table(mode: str, chart: Path) -> None:
    tags = {part: {"image": {"tag": "v1.18.2"}} for part in PARTS[mode]}
    assert moving(chart, {"installMode": mode, **tags}) == set(), "a part is missing in the table"
    for part in PARTS[mode]:
        others = {other: tag for other, tag in tags.items() if other != part}
        assert moving(chart, {"installMode": mode, **others}) != set(), f"{part} has a tag of its own by now"
