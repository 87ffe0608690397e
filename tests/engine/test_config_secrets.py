"""A secret in the config of the unchanged fleet: encrypted by its user, planned, reviewed, and readable nowhere."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.engine.project import CHECKOUT
from sandbox.engine.workspace import PASSPHRASE_VARIABLES
from sandbox.toolchain import tool_path
from tests.e2e.secrets import files_below

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine

HIDDEN = "registry.example/name-that-nobody-may-see:latest"
"""A guardrail would quote it."""
PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "the user's own"}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program with a config of its own, in which a user has put a secret with their own Pulumi and passphrase."""
    for name in (*PASSPHRASE_VARIABLES, "LINODE_TOKEN", "LINODE_URL", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Pulumi.yaml", "__main__.py", "fleet", "policies", "plan", "review", ".venv"):
        (folder / name).symlink_to(CHECKOUT / name)
    (folder / "Pulumi.dev.yaml").write_bytes((CHECKOUT / "Pulumi.dev.yaml").read_bytes())
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    place = {"PULUMI_BACKEND_URL": theirs.as_uri(), "PULUMI_HOME": str(theirs), "PULUMI_STACK": "dev"}
    for arguments, given in (
        (("stack", "init", "dev"), ""),
        (("config", "set", "--secret", "--path", "fleet:secrets.image"), HIDDEN),
        (("config", "set", "--path", "fleet:mesh.istiodValues.probe.image.secret", "image"), ""),
        (("config", "set", "--path", "fleet:guardrails.levels.pinned-versions", "advisory"), ""),
    ):
        subprocess.run(
            [str(tool_path("pulumi")), *arguments],
            cwd=folder,
            env={**os.environ, **PASSPHRASE, **place},
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
    return folder


def sandbox(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    place = ["--project", str(checkout), "--state", str(checkout.parent / "state"), "--plugins", "offline"]
    command, *rest = arguments
    return subprocess.run(
        [sys.executable, "-m", "sandbox", command, *place, *rest],
        cwd=CHECKOUT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def readable(checkout: Path, *shown: str) -> list[str]:
    places = [*files_below(checkout.parent / "state"), *(("what was shown", text.encode()) for text in shown)]
    places.append(("the config", (checkout / "Pulumi.dev.yaml").read_bytes()))
    forms = (HIDDEN.encode(), base64.b64encode(HIDDEN.encode()))
    return [place for place, content in places if any(form in content for form in forms)]


def test_a_secret_is_planned_for_every_member_and_readable_nowhere(checkout: Path) -> None:
    shown = sandbox(checkout, "pulumi", "--", "preview", "--json", **PASSPHRASE)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    planned: dict[str, Any] = json.loads(shown.stdout)
    states = [step["newState"] for step in planned["steps"]]
    values = [state["inputs"]["values"] for state in states if state["urn"].endswith("-istio-istiod")]
    assert [found["probe"]["image"] for found in values] == ["[secret]"] * 3
    assert readable(checkout, shown.stdout, shown.stderr) == []


def test_a_secret_is_in_no_review_although_a_guardrail_quotes_it(checkout: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    shown = sandbox(checkout, "review", "--markdown", str(report), **PASSPHRASE)
    text = report.read_text()
    assert r"probe.image is '\[secret\]', which has the moving tag" in text, text
    assert readable(checkout, text, shown.stdout, shown.stderr) == []


def test_without_the_users_passphrase_it_says_what_is_missing(checkout: Path) -> None:
    shown = sandbox(checkout, "pulumi", "--", "preview")
    assert shown.returncode != 0
    assert "The secrets in Pulumi.dev.yaml cannot be read" in shown.stderr
