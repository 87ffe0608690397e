"""What is kept outside the checkout, and that it stays outside."""

from __future__ import annotations

import hashlib
import json
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sandbox.engine import LinodeCredentials, Mode, Project, Request, Workspace, run
from sandbox.engine.workspace import PassphraseError, default_state_folder
from sandbox.plugins import PLUGINS
from tests.engine.conftest import STACK_CONFIG

if TYPE_CHECKING:
    from pathlib import Path

SALT = "v1:c2FsdA==:v1:bm9uY2U=:c2VhbA=="


def tree(folder: Path) -> dict[str, str]:
    """A hash of each file."""
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*") if file.is_file()}


def add_salt(file: Path) -> None:
    """What Pulumi does to a stack's config when it makes the stack."""
    file.write_text(file.read_text() + f"encryptionsalt: {SALT}\n")


def test_preparing_leaves_the_checkout_as_it_is(workspace: Workspace) -> None:
    before = tree(workspace.project.folder)
    workspace.prepare("dev")
    assert tree(workspace.project.folder) == before


def test_the_copy_has_the_checked_in_config(workspace: Workspace) -> None:
    workspace.prepare("dev")
    assert yaml.safe_load(workspace.config_file("dev").read_text()) == yaml.safe_load(STACK_CONFIG)


def test_a_change_of_the_config_reaches_the_copy_and_the_salt_stays(workspace: Workspace) -> None:
    workspace.prepare("dev")
    add_salt(workspace.config_file("dev"))
    (workspace.project.folder / "Pulumi.dev.yaml").write_text("config:\n  little:who: everyone\n")
    workspace.prepare("dev")
    assert yaml.safe_load(workspace.config_file("dev").read_text()) == {
        "config": {"little:who": "everyone"},
        "encryptionsalt": SALT,
    }


@pytest.mark.parametrize("own", [{"encryptionsalt": "v1:theirs"}, {"secretsprovider": "awskms://alias/theirs"}])
def test_a_config_with_secrets_of_the_users_is_taken_as_it_is(workspace: Workspace, own: dict[str, str]) -> None:
    workspace.prepare("dev")
    add_salt(workspace.config_file("dev"))
    (workspace.project.folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(own))
    workspace.prepare("dev")
    assert yaml.safe_load(workspace.config_file("dev").read_text()) == own


def test_the_passphrase_is_made_once_and_only_its_owner_reads_it(workspace: Workspace) -> None:
    workspace.prepare("dev")
    first, second = (workspace.secrets_environment("dev")["PULUMI_CONFIG_PASSPHRASE_FILE"] for _ in range(2))
    assert first == second
    file = workspace.folder / "passphrase"
    assert len(file.read_text()) >= 32
    assert file.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in workspace.folder.glob("tmp*")] == []


def test_two_workspaces_have_passphrases_of_their_own(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(project=workspace.project, folder=tmp_path / "other")
    for each in (workspace, other):
        each.prepare("dev")
        each.secrets_environment("dev")
    assert (workspace.folder / "passphrase").read_text() != (other.folder / "passphrase").read_text()


def test_secrets_of_the_users_ask_for_the_users_passphrase(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_salt(workspace.project.folder / "Pulumi.dev.yaml")
    with pytest.raises(PassphraseError, match=r"Set PULUMI_CONFIG_PASSPHRASE or"):
        workspace.secrets_environment("dev")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs")
    assert workspace.secrets_environment("dev") == {}, "the user's own variable is left to do its work"


def test_each_checkout_has_a_state_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, two = (default_state_folder(Project(folder=tmp_path / name / "fleet")) for name in ("a", "b"))
    assert one != two
    assert one.parent == two.parent == tmp_path / "fleet"
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/invalid")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_state_folder(Project(folder=tmp_path)).is_relative_to(tmp_path / ".local" / "state")


def test_each_choice_of_plugins_has_a_home_of_its_own(workspace: Workspace) -> None:
    assert workspace.home(PLUGINS) == workspace.home(reversed(PLUGINS))
    assert workspace.home(PLUGINS) != workspace.home(PLUGINS[:1])


SPELLINGS = """
no: {a: on, b: y, c: 12345e6, d: "12345e6", e: 0123, f: 1_000, g: 1:30, h: 2026-11-27, i: 1e3, j: 0o17, k: 0x1F}
yes: {a: ~, b: True, c: tRue, d: "0123", e: .5, f: 1., g: +1, h: 0b11, i: '', j: "no", k: !!str 12, l: "1:30"}
off: [n, "y", 'on', -0, 1.0, "1_000", "2026-11-27", null]
text: |
  two lines,
    as they are
folded: >-
  one line, however long it is, and so long that whoever writes it anew would break it somewhere else than its user did
  and again
shared: &shared {a: no}
again: *shared
"""
"""What YAML 1.1 and Pulumi's reader differ about, and what a copy may lose."""


@pytest.mark.engine
def test_the_engine_reads_from_the_copy_what_it_would_read_from_the_users_own_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    own = workspace.project.folder / "Pulumi.dev.yaml"
    own.write_text(f"config:\n  little:odd:\n{textwrap.indent(SPELLINGS, '    ')}  little:plain: no\n")
    account = LinodeCredentials(name="none", url="http://127.0.0.1:1", token="none")

    def read(*flags: str) -> Any:
        log = tmp_path / "log"
        request = Request(
            stack="dev", arguments=["config", "--json", *flags], mode=Mode.OFFLINE, account=account, log=log
        )
        assert run(request, workspace, say=lambda _: None) == 0, log.read_text()
        return json.loads(log.read_text())

    copied = read()
    assert copied == read("--config-file", str(own))
    assert set(copied["little:odd"]["objectValue"]) >= {"no", "yes", "off"}
    assert copied["little:odd"]["objectValue"]["no"]["d"] == "12345e6"
    assert copied["little:plain"]["value"] == "no"


def test_what_only_the_sandbox_knows_goes_over_what_is_checked_in(project: Project, tmp_path: Path) -> None:
    charts = {"karmada": "/charts/karmada"}
    workspace = Workspace(project=project, folder=tmp_path / "state", config={"little:charts": charts})
    for checked_in in ("config:\n  little:charts: {istio: /elsewhere}\n  little:who: no\n", "config:\n", ""):
        (project.folder / "Pulumi.dev.yaml").write_text(checked_in)
        workspace.prepare("dev")
        written = workspace.config_file("dev").read_text()
        copy = yaml.load(written, Loader=yaml.BaseLoader)
        assert written.count("little:charts") == 1, "the engine refuses a key that stands twice"
        assert copy["config"].pop("little:charts") == charts
        assert copy["config"] == ({"little:who": "no"} if "who" in checked_in else {})
