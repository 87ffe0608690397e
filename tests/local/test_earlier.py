"""Which commit an update starts from, and that its program comes out of a repository that is only read."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e import earlier
from tests.e2e.earlier import CommitError, commit, equip, export, told

if TYPE_CHECKING:
    from pathlib import Path

PACK = "policies/guardrails"


class Repository:
    """A repository with a branch main, and what git says there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false"]
        line = ["git", "-C", str(self.folder), *identity, *arguments]
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, name: str, content: str) -> str:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", f"{name} is {content}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_a_branch_began_where_it_left_main(repository: Repository) -> None:
    base = repository.commit("a", "1")
    repository.git("switch", "--quiet", "--create", "branch")
    repository.commit("a", "2")
    repository.commit("a", "3")
    assert commit(None, repository.folder) == base


def test_the_remotes_main_counts_before_the_local_one_which_may_be_old(repository: Repository) -> None:
    repository.commit("a", "1")
    repository.git("switch", "--quiet", "--create", "branch")
    base = repository.commit("a", "2")
    repository.git("update-ref", "refs/remotes/origin/main", base)
    repository.commit("a", "3")
    assert commit("", repository.folder) == base


def test_on_main_a_change_began_with_the_commit_before(repository: Repository) -> None:
    before = repository.commit("a", "1")
    repository.commit("a", "2")
    assert commit(None, repository.folder) == before
    assert told(before, repository.folder) == f"{before[:7]} (a is 1)"


def test_a_commit_may_be_named_in_any_way_that_git_knows(repository: Repository) -> None:
    before = repository.commit("a", "1")
    head = repository.commit("a", "2")
    assert [commit(name, repository.folder) for name in ("HEAD", "HEAD~1", "main", before[:8])] == [
        *(head, before, head, before)
    ]


@pytest.mark.parametrize("named", ["nothing", "--help", None])
def test_what_is_no_commit_is_refused_with_the_way_to_name_one(repository: Repository, named: str | None) -> None:
    repository.commit("a", "1")
    with pytest.raises(CommitError, match=r"FROM=COMMIT$"):
        commit(named, repository.folder)


def test_the_files_are_those_of_the_commit_and_the_repository_does_not_know_of_them(
    repository: Repository, tmp_path: Path
) -> None:
    before = repository.commit("fleet/a.py", "1")
    repository.commit("fleet/a.py", "2")
    (repository.folder / "fleet" / "a.py").write_text("3")
    program = export(before, tmp_path / "earlier", repository.folder)
    assert (program / "fleet" / "a.py").read_text() == "1"
    assert len(repository.git("worktree", "list").splitlines()) == 1


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A program and a checkout, each with a pack, all locked alike."""
    for name in ("earlier", "checkout"):
        for project in (tmp_path / name, tmp_path / name / PACK):
            project.mkdir(parents=True, exist_ok=True)
            (project / "requirements.txt").write_text("pulumi==3.272.0\n")
        (tmp_path / name / PACK / "PulumiPolicy.yaml").write_text("runtime: python\n")
    return tmp_path / "earlier", tmp_path / "checkout"


def test_what_is_locked_alike_has_the_checkouts_environments(pair: tuple[Path, Path]) -> None:
    program, checkout = pair
    equip(program, say=print, checkout=checkout)
    assert (program / ".venv").readlink() == checkout / ".venv"
    assert (program / PACK / ".venv").readlink() == checkout / PACK / ".venv"


def test_what_is_locked_otherwise_has_an_environment_of_its_own(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program, checkout = pair
    (program / "requirements.txt").write_text("pulumi==3.271.0\n")
    (checkout / PACK / "requirements.txt").unlink()
    lines: list[list[str]] = []
    monkeypatch.setattr(earlier, "_install", lines.append)
    equip(program, say=print, checkout=checkout)
    assert [line[-1] for line in lines if "sync" in line] == [
        str(program / "requirements.txt"),
        str(program / PACK / "requirements.txt"),
    ]
    assert not (program / ".venv").is_symlink()
