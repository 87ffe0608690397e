"""The reports in docs/mistakes.md, as real previews of the configs above them say: ``python -m docs.mistakes``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Final

import yaml

from operations.account.folder import link_program
from tests.unit.configs import ROOT
from tests.unit.configs import stack as checked_in

PAGE: Final = ROOT / "docs" / "mistakes.md"
STACK: Final = "mistakes"
_PAIR: Final = re.compile(
    r"(<!-- config -->\n```yaml\n(?P<config>.*?)```\n(?:(?!<!-- config -->).)*?<!-- report: [^>]+ -->\n```text\n)"
    r".*?(```\n<!-- end of report -->)",
    re.DOTALL,
)
_SAID: Final = re.compile(
    r"^ *(error: \d+ errors? in the stack's config; nothing was changed:\n(?: +- .+\n)+)", re.MULTILINE
)


def report(config: str) -> str:
    """What a preview of a stack file says is wrong with it, by the real engine and without an account.

    Raises:
        LookupError: it finds nothing wrong, or fails for another reason.
    """
    with tempfile.TemporaryDirectory() as place:
        project = Path(place) / "project"
        project.mkdir()
        link_program(ROOT, project)
        (project / f"Pulumi.{STACK}.yaml").write_text(whole(config), encoding="utf-8")
        said = _preview(project, Path(place) / "state")
    if not (found := _SAID.search(said)):
        raise LookupError(f"a preview reports no mistake: {said[-3000:]}")
    return re.sub("^ +- ", "  - ", found[1], flags=re.MULTILINE)


def _preview(project: Path, state: Path) -> str:
    places = ["--stack", STACK, "--project", str(project), "--state", str(state), "--plugins", "offline"]
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "sandbox", "pulumi", *places, "--", "preview", "--non-interactive", "--color=never"],
        cwd=ROOT,
        env=os.environ | {"PULUMI_OPTION_COLOR": "never"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def whole(config: str) -> str:
    """A stack file with the clusters of the article where it names none."""
    if "fleet:clusters:" in config:
        return config
    clusters = {"fleet:clusters": checked_in("dev")["clusters"]}
    return config.rstrip("\n") + "\n" + textwrap.indent(yaml.safe_dump(clusters), "  ")


def rendered(page: str) -> str:
    """The page with the reports as they are today."""
    if not _PAIR.search(page):
        raise LookupError("the page has no config between its marks")
    return _PAIR.sub(lambda found: found[1] + report(found["config"]) + found[3], page)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
