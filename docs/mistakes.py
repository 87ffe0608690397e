"""The report in docs/mistakes.md, as a real preview of the config above it says: ``python -m docs.mistakes``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from operations.account.folder import link_program
from tests.unit.configs import ROOT

PAGE: Final = ROOT / "docs" / "mistakes.md"
STACK: Final = "mistakes"
_CONFIG: Final = re.compile(r"<!-- config -->\n```yaml\n(.*?)```\n", re.DOTALL)
_REPORT: Final = re.compile(r"(<!-- report: [^>]+ -->\n```text\n)(.*?)(```\n<!-- end of report -->)", re.DOTALL)
_SAID: Final = re.compile(
    r"^ *(error: \d+ errors in the stack's config; nothing was changed:\n(?: +- .+\n)+)", re.MULTILINE
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
        (project / f"Pulumi.{STACK}.yaml").write_text(config, encoding="utf-8")
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


def rendered(page: str) -> str:
    """The page with the report as it is today."""
    config = _CONFIG.search(page)
    if config is None:
        raise LookupError("the page has no config between its marks")
    said = report(config[1])
    return _REPORT.sub(lambda found: found[1] + said + found[3], page)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
