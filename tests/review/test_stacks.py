"""Which stacks a pull request previews."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from review.cli import app
from review.stacks import changed_stacks, known_stacks
from sandbox.engine.project import CHECKOUT

STACKS = ("dev", "prod")


@pytest.mark.parametrize(
    ("paths", "stacks"),
    [
        (["Pulumi.prod.yaml"], ["prod"]),
        (["Pulumi.prod.yaml", "README.md", "Pulumi.dev.yaml"], ["dev", "prod"]),
        (["fleet/lke/cluster.py"], ["dev", "prod"]),
        (["fleet/mesh/traffic.py"], ["dev", "prod"]),
        (["policies/guardrails/pack.py"], ["dev", "prod"]),
        (["requirements.txt"], ["dev", "prod"]),
        (["Pulumi.yaml"], ["dev", "prod"]),
        (["docs/review.md", "sandbox/cli.py", "tests/local/test_stages.py"], []),
        (["Pulumi.sandbox.yaml"], []),
        (["Pulumi.gone.yaml"], []),
        ([], []),
    ],
)
def test_a_stack_is_previewed_exactly_if_it_may_come_out_differently(paths: list[str], stacks: list[str]) -> None:
    assert changed_stacks(paths, STACKS) == stacks


def test_the_sandbox_is_no_stack_to_preview_for_a_team() -> None:
    assert known_stacks(CHECKOUT) == ["dev", "prod"]


def test_the_command_line_gives_what_a_workflow_takes() -> None:
    shown = CliRunner().invoke(app, ["stacks"], input="fleet/lke/cluster.py\n")
    assert shown.exit_code == 0
    name, _, value = shown.stdout.strip().partition("=")
    assert (name, json.loads(value)) == ("stacks", ["dev", "prod"])
