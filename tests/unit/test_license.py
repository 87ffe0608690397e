"""The license is said wherever it is looked for, and nobody is named who is not there."""

import hashlib
import re
import tomllib

import pytest
from packaging.licenses import canonicalize_license_expression

from tests.unit.configs import ROOT

PROJECTS = ("pyproject.toml", "policies/guardrails/pyproject.toml")


@pytest.mark.parametrize("project", PROJECTS)
def test_every_project_says_its_license_and_has_the_whole_text(project: str) -> None:
    said = tomllib.loads((ROOT / project).read_text())["project"]
    assert canonicalize_license_expression(said["license"]) == said["license"] == "Apache-2.0"
    for name in said["license-files"]:
        text = ((ROOT / project).parent / name).read_bytes()
        # https://www.apache.org/licenses/LICENSE-2.0.txt
        assert hashlib.sha256(text).hexdigest() == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def test_owners_are_asked_for_paths_that_are_there_and_nobody_stands_for_them_by_example() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS").read_text().splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert len(rules) > 1
    for path, *owners in rules:
        assert path == "*" or (ROOT / path.lstrip("/")).exists(), path
        assert not [owner for owner in owners if re.match(r"@?example\b|.*@example\.", owner)], owners
