"""What is kept of a check: for its owner alone, beside the checkout, and as much as another process needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from fleet.config.reader import parse
from operations.account import folder as folders
from operations.account.leftovers import Noted
from operations.errors import OperationError

if TYPE_CHECKING:
    from pathlib import Path


def test_what_opens_the_clusters_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    folder = folders.make(folders.OWN_CONFIG, parent=tmp_path)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    for name in ("passphrase", "check.json"):
        assert (folder.path / name).stat().st_mode & 0o777 == 0o600
    assert len(folder.passphrase) > 30


def test_another_process_finds_all_that_was_noted(tmp_path: Path) -> None:
    folder = folders.make(folders.OWN_CONFIG, parent=tmp_path)
    noted = Noted(
        tag=folder.noted.tag,
        clusters=frozenset({1}),
        balancers=frozenset({2, 3}),
        volumes=frozenset({4}),
        buckets=frozenset({"mine"}),
    )
    folder.keep(noted)
    again = folders.opened(folder.path)
    assert again.noted == noted
    assert again.passphrase == folder.passphrase


def test_two_checks_share_nothing(tmp_path: Path) -> None:
    first, second = (folders.make(folders.OWN_CONFIG, parent=tmp_path) for _ in range(2))
    assert first.noted.tag != second.noted.tag
    assert first.passphrase != second.passphrase
    assert first.backend != second.backend


def test_the_checks_project_has_one_stack_and_the_checkouts_program(tmp_path: Path) -> None:
    project = folders.make(folders.OWN_CONFIG, parent=tmp_path).project
    assert [file.name for file in project.glob("Pulumi.*.yaml")] == ["Pulumi.check.yaml"]
    assert not (project / "Pulumi.check.yaml").is_symlink(), "Pulumi writes to it"
    for name in ("Pulumi.yaml", "__main__.py", "fleet", "policies"):
        assert (project / name).resolve() == folders.CHECKOUT / name


def test_the_checks_own_config_is_two_members_whose_calls_go_everywhere() -> None:
    sections = yaml.safe_load(folders.OWN_CONFIG.read_text())["config"]
    config = parse({key.removeprefix("fleet:"): value for key, value in sections.items()})
    assert len(config.members) == 2, "the fewest with a mesh between regions"
    assert config.traffic.mode.value == "global", "answers of other regions show the way to them"
    assert config.karmada.backup is None, "Object Storage is billed by the month once there is a bucket"
    assert len({config.clusters[name].region for name in config.members}) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("config: {}\n", "it has no fleet:clusters"),
        ("[]\n", "it has no fleet:clusters"),
        ("a: [\n", "it has no fleet:clusters"),
        ("encryptionsalt: v1:x\nconfig: {fleet:clusters: {a: {}}}\n", "it holds secrets of a stack"),
        ("config: {fleet:clusters: {a: {protect: true}}}\n", "a cluster in it is protected from deletion"),
    ],
)
def test_a_config_that_could_not_be_taken_away_again_is_refused(tmp_path: Path, text: str, why: str) -> None:
    config = tmp_path / "Pulumi.mine.yaml"
    config.write_text(text)
    with pytest.raises(OperationError, match=why):
        folders.make(config, parent=tmp_path / "checks")
    assert not (tmp_path / "checks").exists()


def test_a_folder_that_is_none_of_a_check_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="is no folder of a check"):
        folders.opened(tmp_path)
