"""Claims about what the pack reads: the stack's settings, its state, and the two pyprojects' pins."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from fleet.config.enforcement import Guardrail, Level, Profile
from policies.guardrails.export import StateError, read, resources
from policies.guardrails.stack import LINODE_PROVIDER, Session
from tests.policies.guardrails.resources import resource
from tests.unit.configs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PULUMI = """#!/bin/sh
echo "$@" > "$0.asked"
pwd >> "$0.asked"
{body}
"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An executable in place of the CLI, the only one on the PATH but for the shell's own tools."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    return tmp_path / "pulumi"


def says(executable: Path, body: str) -> None:
    executable.write_text(PULUMI.format(body=body))
    executable.chmod(0o755)


EXPORT: dict[str, Any] = {
    "version": 3,
    "deployment": {
        "resources": [
            {"urn": "urn:a", "type": "t", "inputs": {"region": "us-east"}, "protect": True},
            {"urn": "urn:b", "type": "t", "delete": True},
            {"urn": "urn:c", "type": "t", "provider": "urn:p::id", "outputs": {"id": 1}},
        ]
    },
}


def test_the_state_is_read_as_it_is_stored_and_without_what_is_to_be_deleted(pulumi: Path, tmp_path: Path) -> None:
    says(pulumi, f"cat <<'END'\n{json.dumps(EXPORT)}\nEND")
    found = read("organization/fleet/prod", tmp_path)
    assert [one.urn for one in found] == ["urn:a", "urn:c"]
    assert (found[0].inputs, found[0].protect, found[1].provider) == ({"region": "us-east"}, True, "urn:p::id")
    asked, folder = (pulumi.parent / "pulumi.asked").read_text().splitlines()
    assert asked == "stack export --stack organization/fleet/prod --non-interactive", "and so secrets stay encrypted"
    assert folder == str(tmp_path)


def test_a_stack_that_was_never_deployed_has_nothing() -> None:
    assert resources({"version": 3, "deployment": {"manifest": {}}}) == ()


def test_a_cli_that_fails_is_quoted(pulumi: Path, tmp_path: Path) -> None:
    says(pulumi, "echo 'error: no stack named prod' >&2; exit 255")
    with pytest.raises(StateError, match="`pulumi stack export` fails: error: no stack named prod"):
        read("prod", tmp_path)


def test_a_cli_that_hangs_is_not_waited_for(pulumi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(pulumi, "exec sleep 60")
    monkeypatch.setattr("policies.guardrails.export._LIMIT_SECONDS", 0.2)
    with pytest.raises(StateError, match="takes more than"):
        read("prod", tmp_path)


def environment(**config: Any) -> dict[str, str]:
    encoded = {f"fleet:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return {
        "PULUMI_ORGANIZATION": "organization",
        "PULUMI_PROJECT": "fleet",
        "PULUMI_STACK": "prod",
        "PULUMI_CONFIG": json.dumps({**encoded, "linode:region": "us-east"}),
    }


def test_a_session_knows_the_config_and_reads_the_state_of_its_stack(pulumi: Path) -> None:
    says(pulumi, f"cat <<'END'\n{json.dumps(EXPORT)}\nEND")
    guardrails = {"profile": "development", "monthlyLimit": 700, "levels": {"tags": "advisory"}}
    session = Session(
        environment(guardrails=guardrails, clusters={"us": {"expelled": True}, "eu": {}}, acknowledged=["recycle us"])
    )
    stack = session.stack
    assert (stack.guardrails.profile, stack.guardrails.monthly_limit) == (Profile.DEVELOPMENT, 700)
    assert stack.guardrails.levels == {Guardrail.TAGS: Level.ADVISORY}
    assert sorted(stack.clusters) == ["eu", "us"]
    assert stack.expelled == {"us"}
    assert stack.acknowledged == ("recycle us",)
    assert len(stack.deployed()) == 2
    assert "organization/fleet/prod" in (pulumi.parent / "pulumi.asked").read_text()


def test_a_config_that_the_program_will_refuse_makes_nothing_laxer(pulumi: Path) -> None:
    says(pulumi, "exit 1")
    for broken in ({"profile": "development", "levels": {"seat-belt": "disabled"}}, "development"):
        assert Session(environment(guardrails=broken)).stack.guardrails.profile is Profile.PRODUCTION


def test_prices_are_asked_once_with_what_linodes_provider_has_or_the_environment(
    pulumi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(pulumi, "exit 1")
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr("plan.prices.fetch", lambda url, token: asked.append((url, token)))
    limited = environment(guardrails={"monthlyLimit": 100})
    given = limited | {"LINODE_URL": "https://api.example"}
    session = Session(given)
    provider = resource(LINODE_PROVIDER, "default", {"token": "from-config"})
    session.saw(provider)
    session.saw(provider)
    session.stack.prices()
    assert asked == [("https://api.example", "from-config")]
    assert session.asked_for(provider.urn) == {"token": "from-config"}
    assert session.asked_for("urn:other") is None
    Session(given | {"LINODE_TOKEN": "from-environment"}).stack.prices()
    assert asked[1:] == [("https://api.example", "from-environment")]
    Session(limited).stack.prices()
    assert asked[2:] == [("https://api.linode.com", "")]
    Session(environment() | {"LINODE_TOKEN": "from-environment"})
    assert asked[3:] == [], "where nothing is limited, nothing is asked"


def pins(file: Path) -> dict[str, str]:
    """The versions that a pyproject's own lists of requirements pin."""
    return dict(re.findall(r'"([a-z0-9-]+)==([^"]+)"', file.read_text()))


def test_what_both_environments_have_is_pinned_alike() -> None:
    program, pack = pins(ROOT / "pyproject.toml"), pins(ROOT / "policies" / "guardrails" / "pyproject.toml")
    assert {name: version for name, version in pack.items() if name != "pulumi-policy"}.items() <= program.items()


def test_the_pack_has_one_name_and_version() -> None:
    project = tomllib.loads((ROOT / "policies" / "guardrails" / "pyproject.toml").read_text())["project"]
    policy = (ROOT / "policies" / "guardrails" / "PulumiPolicy.yaml").read_text()
    for key in ("name", "version", "description"):
        assert f"{key}: {project[key]}\n" in policy


def test_the_rules_need_neither_pulumi_nor_its_policy_sdk() -> None:
    looked = "import sys, policies.guardrails.catalogue; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", looked], cwd=ROOT, check=False).returncode == 0
